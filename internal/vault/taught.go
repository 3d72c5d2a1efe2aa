package vault

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// What a vault keeps of what the user taught and wants to be reminded of. More
// is refused: no mark and no wish is dropped for something newer.
const (
	MaxMarks     = 64   // of one site
	MaxTaught    = 1000 // sites with marks
	MaxReminders = 500
)

// The refusals.
var (
	ErrManyMarks     = fmt.Errorf("a site has at most %d marks", MaxMarks)
	ErrManyTaught    = fmt.Errorf("at most %d sites have marks", MaxTaught)
	ErrManyReminders = fmt.Errorf("at most %d services wait for a reminder", MaxReminders)
)

// Mark is what the user taught of one field of a site.
type Mark struct {
	Field string // the extension's name for it; opaque here
	As    string // "totp" or "never"; opaque here, and never empty
}

// taughtSite is one origin in accounts.age.
type taughtSite struct {
	Origin  string         `json:"origin"`
	Marks   []mark         `json:"marks"`
	Unknown jsontext.Value `json:",embed"` // from newer versions: kept
}

type mark struct {
	Field   string         `json:"field"`
	As      string         `json:"as,omitzero"` // forgotten, if left out
	At      int64          `json:"at"`          // when it last changed, ms
	Unknown jsontext.Value `json:",embed"`
}

// live counts the marks that were not forgotten.
func (s taughtSite) live() (n int) {
	for _, m := range s.Marks {
		if m.As != "" {
			n++
		}
	}
	return n
}

// Marks are what the user taught of an origin, by field. The slice is the
// vault's own: read only. The vault must be open.
func (v *Vault) Marks(origin string) ([]Mark, error) {
	err := v.readMarks()
	return v.marks[origin], err
}

// Taught are the origins where a field is marked as that, sorted. The vault must
// be open.
func (v *Vault) Taught(as string) ([]string, error) {
	err := v.readMarks()
	var origins []string
	for origin, marks := range v.marks {
		if slices.ContainsFunc(marks, func(m Mark) bool { return m.As == as }) {
			origins = append(origins, origin)
		}
	}
	slices.Sort(origins)
	return origins, err
}

// readMarks reads the marks when they are first asked for.
func (v *Vault) readMarks() error {
	if v.marks != nil {
		return nil
	}
	sites, err := listOf[taughtSite](v.doc.Taught)
	if err != nil {
		return err
	}
	v.marks = make(map[string][]Mark, len(sites))
	for _, s := range sites {
		var live []Mark
		for _, m := range s.Marks {
			if m.As != "" {
				live = append(live, Mark{m.Field, m.As})
			}
		}
		slices.SortFunc(live, func(a, b Mark) int { return cmp.Compare(a.Field, b.Field) })
		v.marks[s.Origin] = live
	}
	return nil
}

// Mark keeps what the user taught of a field, or forgets it, where as is empty:
// what was not taught changes nothing then. It returns [ErrManyMarks] or
// [ErrManyTaught] when there is no room.
func (tx *Tx) Mark(origin, field, as string) error {
	sites, err := listOf[taughtSite](tx.doc.Taught)
	if err != nil {
		return err
	}
	for i := range sites {
		sites[i].Marks = slices.DeleteFunc(sites[i].Marks, func(m mark) bool { return m.As == "" && tx.isOver(m.At, m.Unknown) })
	}
	sites = slices.DeleteFunc(sites, func(s taughtSite) bool { return len(s.Marks)+len(s.Unknown) == 0 })
	at := slices.IndexFunc(sites, func(s taughtSite) bool { return s.Origin == origin })
	if at < 0 {
		at = len(sites)
		sites = append(sites, taughtSite{Origin: origin})
	}
	s := &sites[at]
	i := slices.IndexFunc(s.Marks, func(m mark) bool { return m.Field == field })
	if as == "" && (i < 0 || s.Marks[i].As == "") {
		return nil
	}
	if i < 0 {
		i = len(s.Marks)
		s.Marks = append(s.Marks, mark{Field: field})
	}
	m := &s.Marks[i]
	m.As, m.At = as, max(tx.now, m.At+1)
	taught := 0
	for _, s := range sites {
		taught += min(1, s.live())
	}
	switch {
	case as == "":
	case s.live() > MaxMarks:
		return ErrManyMarks
	case taught > MaxTaught:
		return ErrManyTaught
	}
	tx.doc.Taught, err = json.Marshal(sites)
	return err
}

// isOver tells whether what was forgotten then need not be kept any longer: every
// vault that this one is merged with knows by now, and no newer version does more
// with it.
func (tx *Tx) isOver(at int64, unknown jsontext.Value) bool {
	return tx.now-at > keepRemoved.Milliseconds() && len(unknown) == 0
}

// listOf reads a list of the document. One that is not understood is
// [ErrDamaged], stays as it is, and leaves the accounts alone.
func listOf[T any](raw jsontext.Value) (list []T, err error) {
	if len(raw) > 0 {
		err = json.Unmarshal(raw, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: what was taught or is to be reminded of is not JSON as expected", ErrDamaged)
	}
	return list, nil
}

// Reminder is how far the user is on the way from text messages to an
// authenticator at one service.
type Reminder struct {
	Service string // its name in the directory; "" where the directory has none
	Domain  string // the registrable domain, or host, where it was kept first
	State   string // "seen", "wanted" …; never empty. See makesRoom; opaque here but for that
}

// reminder is one in accounts.age. Its key is the service, else the domain.
type reminder struct {
	Service string         `json:"service,omitzero"`
	Domain  string         `json:"domain"`
	State   string         `json:"state,omitzero"` // forgotten, if left out
	At      int64          `json:"at"`             // when the state last changed, ms
	Unknown jsontext.Value `json:",embed"`
}

// Reminders are the services that the user was helped with, in that order. The
// vault must be open.
func (v *Vault) Reminders() ([]Reminder, error) {
	kept, err := listOf[reminder](v.doc.Reminders)
	var live []Reminder
	for _, r := range kept {
		if r.State != "" {
			live = append(live, Reminder{r.Service, r.Domain, r.State})
		}
	}
	return live, err
}

// Remind keeps a reminder in the place of the one of the same service, or of the
// same domain where either has no service; with an empty state it forgets it, if
// there is one. A new one takes the place of the first that makes room, or it
// returns [ErrManyReminders].
func (tx *Tx) Remind(to Reminder) error {
	if to.Domain == "" || strings.ContainsAny(to.Domain, "/ ") {
		return errors.New("a reminder needs a domain")
	}
	kept, err := listOf[reminder](tx.doc.Reminders)
	if err != nil {
		return err
	}
	kept = slices.DeleteFunc(kept, func(r reminder) bool { return r.State == "" && tx.isOver(r.At, r.Unknown) })
	i := slices.IndexFunc(kept, func(r reminder) bool { return to.Of(r.Service, r.Domain) })
	if to.State == "" && (i < 0 || kept[i].State == "") {
		return nil
	}
	if i < 0 {
		i = len(kept)
		kept = append(kept, reminder{Domain: to.Domain})
	}
	r := &kept[i]
	if r.Service == "" {
		r.Service = to.Service
	}
	isNew := r.State == ""
	r.State, r.At = to.State, max(tx.now, r.At+1)
	if isNew && !tx.makeRoom(kept, i) {
		return ErrManyReminders
	}
	tx.doc.Reminders, err = json.Marshal(kept)
	return err
}

// makesRoom are the states that wait for nothing.
var makesRoom = []string{"seen", "done", "dismissed"}

// makeRoom forgets as many reminders as there are over MaxReminders, the oldest
// that wait for nothing, and those first that were only seen. It leaves the one
// that was added alone, and tells whether there is room.
func (tx *Tx) makeRoom(kept []reminder, added int) bool {
	over := -MaxReminders
	var seen, rest []*reminder
	for i := range kept {
		r := &kept[i]
		over += min(1, len(r.State))
		switch {
		case i == added || !slices.Contains(makesRoom, r.State):
		case r.State == "seen":
			seen = append(seen, r)
		default:
			rest = append(rest, r)
		}
	}
	for _, list := range [][]*reminder{seen, rest} {
		slices.SortStableFunc(list, func(a, b *reminder) int { return cmp.Compare(a.At, b.At) })
		for ; over > 0 && len(list) > 0; over, list = over-1, list[1:] {
			list[0].State, list[0].At = "", max(tx.now, list[0].At+1)
		}
	}
	return over <= 0
}

// Of tells whether r is the reminder of a service, or of a domain where one of
// the two has no service: the directory may know by now what it did not.
func (r Reminder) Of(service, domain string) bool {
	if r.Service != "" && service != "" {
		return r.Service == service
	}
	return r.Domain == domain
}
