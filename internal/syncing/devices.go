package syncing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"codefob/internal/vaultsync"
)

// reached are the carriers that can be, a relay first: it sees to it that no two devices change the members
// at the same time. One of the kind need must be among them, if it carries changes; need may be "".
func (s *Syncing) reached(ctx context.Context, need string) (list []vaultsync.Carrier, err error) {
	for _, kind := range []string{Relay, Folder} {
		c := s.carriers[kind]
		if c == nil {
			continue
		}
		p := polite{c, &s.mu}
		switch e := s.pull(ctx, p); {
		case e != nil && kind == need:
			return nil, e
		case e != nil:
			err = errors.Join(err, e)
		default:
			list = append(list, p)
		}
	}
	if len(list) > 0 {
		return list, nil
	}
	return nil, err
}

// ErrNoCarrier says that nothing carries changes.
var ErrNoCarrier = errors.New("nothing carries changes to other computers")

// Invitation lets another computer in: what is done at this one.
type Invitation struct {
	Words string // to be typed there
	Kind  string // of the carrier that both meet in
	Where string
	s     *Syncing
	by    *vaultsync.Invitation
	box   mailbox
	guest vaultsync.Member
}

// mailbox is a [vaultsync.Mailbox] that has to be closed.
type mailbox struct {
	vaultsync.Mailbox
	Close func()
}

func openMailbox(ctx context.Context, kind, where string, code vaultsync.Code) (mailbox, error) {
	if kind == Relay {
		return relayMailbox(ctx, where, code)
	}
	return mailbox{code.FolderMailbox(where), func() {}}, nil
}

// Invite makes the words for a computer that is to be let in, by the carrier of that kind; "" is a relay if
// there is one.
func (s *Syncing) Invite(ctx context.Context, kind string) (*Invitation, error) {
	i := &Invitation{s: s}
	err := s.work(ctx, func() (err error) {
		if len(s.settings.Carriers) == 0 {
			return ErrNoCarrier
		}
		i.Kind = kind
		if kind == "" {
			i.Kind = s.settings.Carriers[0].Kind
			if s.indexOf(Relay) >= 0 {
				i.Kind = Relay
			}
		}
		at := s.indexOf(i.Kind)
		if at < 0 {
			return fmt.Errorf("%w: no %s is set", ErrNoCarrier, i.Kind)
		}
		i.Where = s.settings.Carriers[at].Where
		if _, err := s.reached(ctx, ""); err != nil {
			return err
		}
		i.by, err = s.replica.Invite()
		return err
	})
	if err != nil {
		return nil, err
	}
	if i.Kind == Folder {
		vaultsync.Tidy(i.Where) // what is left over
	}
	i.Words = i.by.Code.Words()
	i.box, err = openMailbox(ctx, i.Kind, i.Where, i.by.Code)
	return i, err
}

// Close ends it.
func (i *Invitation) Close() { i.box.Close() }

// Meet waits for the other computer. It gives what that calls itself, and three words that it shows, too, if nobody
// is in between.
func (i *Invitation) Meet(ctx context.Context) (name string, check []string, err error) {
	i.guest, check, err = i.by.Meet(ctx, i.box)
	return i.guest.Name, check, err
}

// Refuse tells it that the person did not agree.
func (i *Invitation) Refuse(ctx context.Context) error { return i.by.Refuse(ctx, i.box) }

// Admit lets it in, under a name. All that the vault has goes to it.
func (i *Invitation) Admit(ctx context.Context, name string) error {
	i.guest.Name = name
	return i.s.work(ctx, func() error {
		if err := i.s.round(ctx, func(string) bool { return true }); err != nil { // all is there when it comes in
			return err
		}
		carriers, err := i.s.reached(ctx, Relay)
		if err != nil {
			return err
		}
		if !i.by.Waits() {
			return vaultsync.ErrExpired
		}
		w, err := i.s.replica.Add(ctx, i.guest, carriers...)
		if err != nil {
			return err
		}
		return i.by.Welcome(ctx, i.box, w)
	})
}

// Visit lets this computer in: what is done here.
type Visit struct {
	Check       []string // words that the other computer shows, too
	s           *Syncing
	kind, where string
	device      *vaultsync.Device
	by          *vaultsync.Visit
	box         mailbox
}

// Knock answers to the words that another computer shows, which both meet at, under a name for this one. It returns
// [vaultsync.ErrExists] where this computer takes part in syncing with others already.
func (s *Syncing) Knock(ctx context.Context, kind, where, words, name string) (*Visit, error) {
	where, err := Checked(kind, where)
	if err != nil {
		return nil, err
	}
	code, err := vaultsync.ParseCode(words)
	if err != nil {
		return nil, err
	}
	if err := s.CanJoin(ctx); err != nil {
		return nil, err
	}
	v := &Visit{s: s, kind: kind, where: where}
	if v.device, err = vaultsync.NewDevice(); err != nil {
		return nil, err
	}
	if v.box, err = openMailbox(ctx, kind, where, code); err != nil {
		return nil, err
	}
	if v.by, err = code.Knock(ctx, v.box, v.device, name); err != nil {
		v.box.Close()
		return nil, err
	}
	v.Check = v.by.Check
	return v, nil
}

// CanJoin tells whether this computer may begin anew: it does not sync, was removed, or is alone, also as it has other
// members than the rest.
func (s *Syncing) CanJoin(ctx context.Context) error {
	err := s.work(ctx, func() error {
		for _, t := range s.replica.Troubles() {
			if t.Kind == vaultsync.Fork && t.Device == (vaultsync.DeviceID{}) {
				return nil // it stands alone
			}
		}
		others := false
		for _, d := range s.replica.Devices() {
			if d.Self && d.Removed {
				return nil
			}
			others = others || !d.Self && !d.Removed
		}
		if others {
			return vaultsync.ErrExists
		}
		return nil
	})
	if errors.Is(err, vaultsync.ErrNone) {
		return nil
	}
	return err
}

// Close ends it.
func (v *Visit) Close() { v.box.Close() }

// Enter waits until the person has agreed at the other computer, and joins both vaults.
func (v *Visit) Enter(ctx context.Context) error {
	w, err := v.by.Enter(ctx)
	if err != nil {
		return err
	}
	if err := v.begin(ctx, w); err != nil {
		return err
	}
	if err := v.s.Once(ctx); err != nil {
		return err
	}
	if v.kind == Folder {
		vaultsync.Tidy(v.where)
	}
	return nil
}

// begin puts the new device in the place of what was here.
func (v *Visit) begin(ctx context.Context, w vaultsync.Welcome) error {
	s := v.s
	release, err := s.lockNew(ctx)
	if err != nil {
		return err
	}
	defer release()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	for _, name := range []string{"device.age", "members.log", "records.log", "memory.json"} { // the vault has all that counts
		if err := os.Remove(filepath.Join(s.folder, name)); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("%w: %w", vaultsync.ErrStorage, err)
		}
	}
	s.settings = settings{}
	if err := s.use(v.kind, v.where); err != nil {
		return err
	}
	r, err := vaultsync.Join(s.folder, v.device, w, s.vault.Identity(), s.now)
	if err != nil {
		return err
	}
	r.Close()
	return nil
}

// Find is the device that takes part under a name or id, or else took part. It returns [vaultsync.ErrNoDevice] or [ErrNames].
func (st Status) Find(name string) (Device, error) {
	var found, removed []Device
	for _, d := range st.Devices {
		switch {
		case d.ID == name:
			return d, nil
		case !strings.EqualFold(d.Name, name):
		case d.Removed:
			removed = append(removed, d)
		default:
			found = append(found, d)
		}
	}
	if len(found) == 0 {
		found = removed
	}
	switch len(found) {
	case 0:
		return Device{}, vaultsync.ErrNoDevice
	case 1:
		return found[0], nil
	}
	return Device{}, ErrNames
}

// Free is a name like that which no device has.
func (st Status) Free(name string) string {
	for n := 1; ; n++ {
		is := name
		if n > 1 {
			is = fmt.Sprintf("%s %d", name, n)
		}
		if !slices.ContainsFunc(st.Devices, func(d Device) bool { return strings.EqualFold(d.Name, is) }) {
			return is
		}
	}
}

// Remove shuts a device out: what it changes from now on is refused, and it cannot read what others change.
func (s *Syncing) Remove(ctx context.Context, d Device) error {
	var id vaultsync.DeviceID
	if err := id.UnmarshalText([]byte(d.ID)); err != nil {
		return vaultsync.ErrNoDevice
	}
	return s.work(ctx, func() error {
		carriers, err := s.reached(ctx, "") // a device that was stolen has to go, whatever can be reached
		if err != nil {
			return err
		}
		if err := s.merge(); err != nil { // what it brought before counts
			return err
		}
		if err := s.replica.Remove(ctx, id, carriers...); err != nil {
			return err
		}
		return s.round(ctx, func(string) bool { return true })
	})
}
