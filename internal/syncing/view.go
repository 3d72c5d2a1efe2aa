package syncing

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"codefob/internal/vault"
	"codefob/internal/vaultsync"
)

// The registers of an account, and those that belong to none: docs/sync.md.
const (
	labels   = "labels"
	sites    = "sites"
	appendTo = "append"
	submit   = "submit"
	ask      = "ask"
	pin      = "pin"

	markName     = "mark "     // and origin, space, field
	reminderName = "reminder " // and its service, else its domain
)

// maxName is how long the name of a register may be, in bytes.
const maxName = 512

// register is a value with its clock, which may be left out, as in accounts.age: it is created then.
type register struct {
	name  string
	value any
	at    *int64
}

// registersOf are those of a record. What was never set, and is as it would be anyway, is left out.
func registersOf(r *vault.AccountRecord) (list []register) {
	all := []register{{labels, []string{r.Issuer, r.Name}, &r.LabelsAt}}
	if len(r.Sites) > 0 || r.SitesAt != 0 {
		all = append(all, register{sites, append([]string{}, r.Sites...), &r.SitesAt})
	}
	for _, b := range []struct {
		name  string
		value bool
		at    *int64
	}{{appendTo, r.Append, &r.AppendAt}, {submit, r.Submit, &r.SubmitAt}, {ask, r.Ask, &r.AskAt}} {
		if b.value || *b.at != 0 {
			all = append(all, register{b.name, b.value, b.at})
		}
	}
	if r.PIN != "" || r.PINAt != 0 {
		all = append(all, register{pin, r.PIN, &r.PINAt})
	}
	return all
}

// accountOf gives a record as what is compared and merged.
func accountOf(r vault.AccountRecord) (a vaultsync.Account, err error) {
	a.Set = map[string]vaultsync.Register{}
	set := func(name string, value any, at int64) {
		reg, e := vaultsync.Set(value, at)
		if e != nil {
			err = e
		}
		a.Set[name] = reg
	}
	switch {
	case r.RemovedAt != 0:
		set(vaultsync.Removed, true, r.RemovedAt)
	case r.RestoredAt != 0:
		set(vaultsync.Removed, false, r.RestoredAt)
	}
	if r.Secret == "" { // an old tombstone
		return a, err
	}
	a.Fixed = &vaultsync.Fixed{Type: r.Type, Secret: r.Secret, Algorithm: r.Algorithm, Digits: r.Digits, Period: r.Period, Created: r.Created}
	for _, reg := range registersOf(&r) {
		at := *reg.at
		if at == 0 {
			at = r.Created
		}
		set(reg.name, reg.value, at)
	}
	a.Counter, a.RecoveryAt = r.Counter, r.RecoveryAt
	for i, c := range r.Recovery {
		a.Recovery = append(a.Recovery, vaultsync.RecoveryCode{Code: c.Code, N: i, Used: c.UsedAt})
	}
	return a, err
}

// recordOf writes what came of merging into a record, which keeps what this version does not know. It fails
// where a register has another shape than this version knows.
func recordOf(r vault.AccountRecord, a vaultsync.Account) (vault.AccountRecord, error) {
	removed, isRemoved := a.Set[vaultsync.Removed], false
	if removed.Value != nil {
		if err := json.Unmarshal(removed.Value, &isRemoved); err != nil {
			return r, fmt.Errorf("account %s: %w", r.ID, err)
		}
		if isRemoved {
			r.RemovedAt = removed.At
		} else {
			r.RemovedAt, r.RestoredAt = 0, removed.At
		}
	}
	if a.Fixed == nil {
		old := vault.AccountRecord{ID: r.ID, Created: r.Created, RemovedAt: r.RemovedAt, Unknown: r.Unknown}
		return old, nil
	}
	f := *a.Fixed
	r.Type, r.Secret, r.Algorithm, r.Digits, r.Period, r.Created = f.Type, f.Secret, f.Algorithm, f.Digits, f.Period, f.Created
	names := []string{r.Issuer, r.Name}
	for _, reg := range []register{
		{labels, &names, &r.LabelsAt}, {sites, &r.Sites, &r.SitesAt}, {appendTo, &r.Append, &r.AppendAt},
		{submit, &r.Submit, &r.SubmitAt}, {ask, &r.Ask, &r.AskAt}, {pin, &r.PIN, &r.PINAt},
	} {
		next, ok := a.Set[reg.name]
		if reg.name == sites {
			r.Sites = nil // not into what the vault has now
		}
		switch {
		case !ok && reg.name == labels:
			continue
		case !ok: // never set, or taken back, as a device that was removed had set it
			next = vaultsync.Register{Value: []byte("null"), At: r.Created}
		}
		if err := json.Unmarshal(next.Value, reg.value); err != nil {
			return r, fmt.Errorf("account %s: %s: %w", r.ID, reg.name, err)
		}
		if *reg.at = next.At; next.At == r.Created {
			*reg.at = 0
		}
	}
	if len(names) != 2 {
		return r, fmt.Errorf("account %s: %d labels", r.ID, len(names))
	}
	r.Issuer, r.Name = names[0], names[1]
	if len(r.Sites) == 0 {
		r.Sites = nil
	}
	r.Counter, r.RecoveryAt = a.Counter, a.RecoveryAt
	was := r.Recovery
	r.Recovery = nil
	for _, c := range a.Recovery {
		next := vault.SheetCode{Code: c.Code}
		if i := slices.IndexFunc(was, func(o vault.SheetCode) bool { return o.Code == c.Code }); i >= 0 {
			next = was[i]
		}
		next.UsedAt = c.Used
		r.Recovery = append(r.Recovery, next)
	}
	return r, nil
}

// sameRecord tells whether two records say the same.
func sameRecord(a, b vault.AccountRecord) bool {
	x, err := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err == nil && err2 == nil && string(x) == string(y)
}

// sharedOf gives marks and reminders as what is compared and merged.
func sharedOf(marks []vault.TaughtMark, reminders []vault.KeptReminder) map[string]vaultsync.Register {
	set := map[string]vaultsync.Register{}
	put := func(name string, value any, at int64) {
		if reg, err := vaultsync.Set(value, at); err == nil && len(name) <= maxName {
			set[name] = reg
		}
	}
	for _, m := range marks {
		put(markName+m.Origin+" "+m.Field, m.As, m.At)
	}
	for _, r := range reminders {
		key := r.Service
		if key == "" {
			key = r.Domain
		}
		put(reminderName+key, []string{r.Service, r.Domain, r.State}, r.At)
	}
	return set
}

// marksOf and remindersOf pick out of what came of merging what is other than in was. Names and shapes of newer
// versions are passed over.
func marksOf(all, was map[string]vaultsync.Register) (list []vault.TaughtMark) {
	for name, reg := range all {
		rest, ok := strings.CutPrefix(name, markName)
		origin, field, both := strings.Cut(rest, " ")
		m := vault.TaughtMark{Origin: origin, Mark: vault.Mark{Field: field}, At: reg.At}
		if ok && both && origin != "" && field != "" && !sameRegister(reg, was[name]) && json.Unmarshal(reg.Value, &m.As) == nil {
			list = append(list, m)
		}
	}
	return list
}

func remindersOf(all, was map[string]vaultsync.Register) (list []vault.KeptReminder) {
	for name, reg := range all {
		var v []string
		if strings.HasPrefix(name, reminderName) && !sameRegister(reg, was[name]) && json.Unmarshal(reg.Value, &v) == nil && len(v) == 3 &&
			v[1] != "" && !strings.ContainsAny(v[1], "/ ") {
			list = append(list, vault.KeptReminder{Reminder: vault.Reminder{Service: v[0], Domain: v[1], State: v[2]}, At: reg.At})
		}
	}
	return list
}

func sameRegister(a, b vaultsync.Register) bool {
	return a.At == b.At && string(a.Value) == string(b.Value)
}

// holder is a vault, or a change of one.
type holder interface {
	Records() []vault.AccountRecord
	AllMarks() ([]vault.TaughtMark, error)
	AllReminders() ([]vault.KeptReminder, error)
}

// viewOf is a vault as what is compared and merged.
func viewOf(v holder) (view vaultsync.View, err error) {
	view.Accounts = map[string]vaultsync.Account{}
	for _, r := range v.Records() {
		if view.Accounts[r.ID], err = accountOf(r); err != nil {
			return view, fmt.Errorf("account %s: %w", r.ID, err)
		}
	}
	marks, err := v.AllMarks()
	reminders, err2 := v.AllReminders()
	if err == nil && err2 == nil { // else they stay with this computer, as they are
		view.Shared = sharedOf(marks, reminders)
	}
	return view, nil
}

// errSame ends a change of the vault that changes nothing.
var errSame = errors.New("nothing changed")

// merged is what comes of merging a vault with a state, where that is other than what the vault has.
type merged struct {
	records   []vault.AccountRecord
	odd       []string // ids of accounts that this version cannot take
	marks     []vault.TaughtMark
	reminders []vault.KeptReminder
}

func mergedOf(v holder, state *vaultsync.State, now time.Time) (m merged, err error) {
	view, err := viewOf(v)
	if err != nil {
		return m, err
	}
	all := state.Apply(view, now)
	m.records, m.odd = changedRecords(v.Records(), all)
	if view.Shared != nil {
		m.marks, m.reminders = marksOf(all.Shared, view.Shared), remindersOf(all.Shared, view.Shared)
	}
	return m, nil
}

// mergeInto has a vault hold all of a state. It tells the ids of the accounts that this version cannot take.
func mergeInto(v *vault.Vault, state *vaultsync.State, now time.Time) (odd []string, err error) {
	m, err := mergedOf(v, state, now)
	if err != nil || len(m.records)+len(m.marks)+len(m.reminders) == 0 {
		return m.odd, err
	}
	err = v.Update(func(tx *vault.Tx) error {
		if m, err = mergedOf(tx, state, now); err != nil { // another program may have saved since
			return err
		}
		same := true
		for _, r := range m.records {
			if tx.Put(r) == nil {
				same = false
			} else {
				m.odd = append(m.odd, r.ID)
			}
		}
		marks, err := tx.PutMarks(m.marks)
		reminders, err2 := tx.PutReminders(m.reminders)
		if err = errors.Join(err, err2); err == nil && same && !marks && !reminders {
			return errSame
		}
		return err
	})
	if errors.Is(err, errSame) {
		err = nil
	}
	return m.odd, err
}

// changedRecords are those that came of merging other than they were, and the ids of those that cannot be understood.
func changedRecords(records []vault.AccountRecord, merged vaultsync.View) (changed []vault.AccountRecord, odd []string) {
	was := map[string]vault.AccountRecord{}
	for _, r := range records {
		was[r.ID] = r
	}
	for _, id := range slices.Sorted(maps.Keys(merged.Accounts)) {
		old, ok := was[id]
		if !ok {
			if merged.Accounts[id].Fixed == nil {
				continue // a tombstone that keeps nothing
			}
			old.ID = id
		}
		next, err := recordOf(old, merged.Accounts[id])
		switch {
		case err != nil:
			odd = append(odd, id)
		case !ok || !sameRecord(old, next):
			changed = append(changed, next)
		}
	}
	return changed, odd
}
