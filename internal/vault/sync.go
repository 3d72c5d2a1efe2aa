package vault

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"

	"filippo.io/age"
	"github.com/go-json-experiment/json"
)

// This file is what package syncing needs of a vault, and nobody else does.

// AccountRecord is one account as it stands in accounts.age, with its clocks. docs/vault.md has the fields.
type AccountRecord = record

// SheetCode is one recovery code of an [AccountRecord].
type SheetCode = recoveryCode

// Twin is the same vault once more, for another goroutine: it has the key, and is locked by itself. Its accounts
// are read by the first [Vault.Refresh], and not there before. The vault must be open.
func (v *Vault) Twin() (*Vault, error) {
	if v.identity == nil {
		return nil, ErrLocked
	}
	t := at(v.home)
	text := []byte(v.identity.String())
	defer clear(text)
	err := apart(func() error {
		identity, err := parseIdentity(text)
		if err == nil {
			t.hold(identity)
		}
		return err
	})
	return t, err
}

// Identity is the vault's key, which opens what is sealed to it. It is good until [Vault.Lock].
func (v *Vault) Identity() *age.X25519Identity { return v.identity }

// Records are all accounts that are understood, the removed ones too. The slice is the vault's own: read only,
// good until the next change. The vault must be open.
func (v *Vault) Records() []AccountRecord { return v.doc.Accounts }

// Records are those that the change works on. Read only.
func (tx *Tx) Records() []AccountRecord { return tx.doc.Accounts }

// Put takes over what another computer has of an account, clocks and all. It holds to what is
// true of each change: a secret never changes under an id, a counter does not go back, and what is not
// understood is not taken.
func (tx *Tx) Put(r AccountRecord) error {
	if r.ID == "" {
		return errors.New("an account needs an id")
	}
	if r.RemovedAt == 0 || r.Secret != "" {
		if _, err := r.account(); err != nil {
			return fmt.Errorf("account %s: %w", r.ID, err)
		}
	}
	i := slices.IndexFunc(tx.doc.Accounts, func(o record) bool { return o.ID == r.ID })
	if i < 0 {
		tx.doc.Accounts = append(tx.doc.Accounts, r)
		return nil
	}
	switch was := &tx.doc.Accounts[i]; {
	case was.Secret != "" && r.Secret != "" && was.Secret != r.Secret:
		return fmt.Errorf("account %s: the secret of an account never changes", r.ID)
	case r.Counter < was.Counter && r.Secret != "":
		return fmt.Errorf("account %s: the counter only moves forward: it is %d", r.ID, was.Counter)
	default:
		*was = r
	}
	return nil
}

// TaughtMark is what the user taught of one field, with its clock; As is empty where it was forgotten.
type TaughtMark struct {
	Origin string
	Mark
	At int64 // ms
}

// AllMarks are the marks of all sites, the forgotten ones too. The vault must be open.
func (v *Vault) AllMarks() ([]TaughtMark, error) { return v.doc.allMarks() }

// AllMarks are those that the change works on.
func (tx *Tx) AllMarks() ([]TaughtMark, error) { return tx.doc.allMarks() }

func (d *document) allMarks() (list []TaughtMark, err error) {
	sites, err := listOf[taughtSite](d.Taught)
	for _, s := range sites {
		for _, m := range s.Marks {
			list = append(list, TaughtMark{s.Origin, Mark{m.Field, m.As}, m.At})
		}
	}
	return list, err
}

// PutMarks takes over what came of merging marks with those of another computer. There is no room for more than
// [Tx.Mark] has, and what was forgotten long ago is not taken. It tells whether it took any.
func (tx *Tx) PutMarks(marks []TaughtMark) (took bool, err error) {
	if len(marks) == 0 {
		return false, nil // also where what is there is not understood
	}
	sites, err := listOf[taughtSite](tx.doc.Taught)
	if err != nil {
		return false, err
	}
	taught := 0
	for _, s := range sites {
		taught += min(1, s.live())
	}
	for _, next := range marks {
		if next.As == "" && tx.isOver(next.At, nil) {
			continue
		}
		at := slices.IndexFunc(sites, func(s taughtSite) bool { return s.Origin == next.Origin })
		if at < 0 {
			at = len(sites)
			sites = append(sites, taughtSite{Origin: next.Origin})
		}
		s := &sites[at]
		live := s.live()
		i := slices.IndexFunc(s.Marks, func(m mark) bool { return m.Field == next.Field })
		switch isNew := next.As != "" && (i < 0 || s.Marks[i].As == ""); {
		case i >= 0 && s.Marks[i].At == next.At && s.Marks[i].As == next.As:
			continue
		case isNew && (live == MaxMarks || live == 0 && taught == MaxTaught):
			continue
		}
		if i < 0 {
			i = len(s.Marks)
			s.Marks = append(s.Marks, mark{Field: next.Field})
		}
		s.Marks[i].As, s.Marks[i].At, took = next.As, next.At, true
		taught += min(1, s.live()) - min(1, live)
	}
	if took {
		sites = slices.DeleteFunc(sites, func(s taughtSite) bool { return len(s.Marks)+len(s.Unknown) == 0 })
		tx.doc.Taught, err = json.Marshal(sites)
	}
	return took, err
}

// KeptReminder is a reminder with its clock; State is empty where it was forgotten.
type KeptReminder struct {
	Reminder
	At int64 // ms
}

// AllReminders are the reminders, the forgotten ones too. The vault must be open.
func (v *Vault) AllReminders() ([]KeptReminder, error) { return v.doc.allReminders() }

// AllReminders are those that the change works on.
func (tx *Tx) AllReminders() ([]KeptReminder, error) { return tx.doc.allReminders() }

func (d *document) allReminders() (list []KeptReminder, err error) {
	kept, err := listOf[reminder](d.Reminders)
	for _, r := range kept {
		list = append(list, KeptReminder{Reminder{r.Service, r.Domain, r.State}, r.At})
	}
	return list, err
}

// PutReminders takes over what came of merging reminders with those of another computer; where one of the two knows no
// service, the later. Those for which there is no room are left out. It tells whether it took any.
func (tx *Tx) PutReminders(reminders []KeptReminder) (took bool, err error) {
	if len(reminders) == 0 {
		return false, nil
	}
	kept, err := listOf[reminder](tx.doc.Reminders)
	if err != nil {
		return false, err
	}
	live := 0
	for _, r := range kept {
		live += min(1, len(r.State))
	}
	for _, next := range reminders {
		if next.State == "" && tx.isOver(next.At, nil) {
			continue
		}
		i := slices.IndexFunc(kept, func(r reminder) bool { return cmp.Or(r.Service, r.Domain) == cmp.Or(next.Service, next.Domain) })
		isOther := i < 0
		if isOther {
			i = slices.IndexFunc(kept, func(r reminder) bool { return next.Of(r.Service, r.Domain) })
		}
		wasLive := i >= 0 && kept[i].State != ""
		switch {
		case i >= 0 && (isOther && kept[i].At >= next.At || kept[i].At == next.At && kept[i].State == next.State):
			continue
		case next.State != "" && !wasLive && live == MaxReminders:
			continue
		}
		if i < 0 {
			i = len(kept)
			kept = append(kept, reminder{Domain: next.Domain})
		}
		r := &kept[i]
		if r.Service == "" {
			r.Service = next.Service
		}
		live += min(1, len(next.State)) - min(1, len(r.State))
		r.State, r.At, took = next.State, next.At, true
	}
	if took {
		tx.doc.Reminders, err = json.Marshal(kept)
	}
	return took, err
}

// TryLock takes the lock of a file of the home folder, which it makes, for as long as release is not
// called and the program runs. It returns [ErrBusy] where another program has it.
func TryLock(name string) (release func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|openFlags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStorage, err)
	}
	if err := tryLock(f); err != nil {
		f.Close()
		if errors.Is(err, errHeld) {
			return nil, ErrBusy
		}
		return nil, fmt.Errorf("%w: %s: %w", ErrStorage, name, err)
	}
	return func() { f.Close() }, nil
}
