package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"codefob/internal/prompt"
	"codefob/internal/qr"
	"codefob/internal/syncing"
	"codefob/internal/vaultsync"
)

func (c *cli) devices(args []string) error {
	fs := c.flags("devices")
	asJSON := fs.Bool("json", false, "print JSON; without another word")
	by := fs.String("by", "", "with add: meet in the `folder` or the relay, where both are set (relay)")
	name := fs.String("name", "", "with join: what your other computers call this one (its host name)")
	yes := fs.Bool("yes", false, "with remove: do not ask")
	rest, err := parse(fs, args, 0, 2)
	if err != nil {
		return err
	}
	act := strings.Join(rest[:min(1, len(rest))], "")
	switch {
	case *asJSON && act != "":
		return misused("--json goes without another word")
	case *by != "" && act != "add":
		return misused("--by goes with add")
	case *by != "" && *by != syncing.Folder && *by != syncing.Relay:
		return misused("--by is folder or relay, not %q", *by)
	case *name != "" && act != "join":
		return misused("--name goes with join")
	case *yes && act != "remove":
		return misused("--yes goes with remove")
	}
	switch {
	case act == "":
		return c.showDevices(*asJSON)
	case act == "add" && len(rest) == 1:
		return c.addDevice(*by)
	case act == "join" && len(rest) == 2:
		return c.joinDevices(rest[1], *name)
	case act == "join":
		return misused("join needs the folder or the relay's address that \"codefob devices add\" names")
	case act == "remove" && len(rest) == 2:
		return c.removeDevice(rest[1], *yes)
	}
	return misused("devices takes add, join PATH_OR_URL or remove NAME, not %q", strings.Join(rest, " "))
}

func (c *cli) showDevices(asJSON bool) error {
	_, s, err := c.openSyncing(c.openVault)
	if err != nil {
		return err
	}
	defer s.Close()
	st, err := s.Status()
	switch {
	case err != nil:
		return err
	case asJSON:
		return c.ui.json(append([]syncing.Device{}, st.Devices...))
	case !st.On:
		return errOff
	}
	c.listDevices(st)
	return nil
}

// addDevice lets another computer in.
func (c *cli) addDevice(by string) error {
	_, s, err := c.openSyncing(c.reauthenticate)
	if err != nil {
		return err
	}
	defer s.Close()
	i, err := s.Invite(c.ctx, by)
	switch {
	case errors.Is(err, vaultsync.ErrNone):
		return errOff
	case errors.Is(err, syncing.ErrNoCarrier):
		return withHint(err, "codefob sync folder PATH, or codefob sync relay URL")
	case err != nil:
		return enrolled(err, "", "")
	}
	defer i.Close()
	if i.Kind == syncing.Folder {
		c.ui.say("On the new computer, with the path that this folder has there, run: codefob devices join %s", i.Where)
	} else {
		c.ui.say("On the new computer, run: codefob devices join %s", i.Where)
	}
	c.ui.say("It asks for these ten words. They are good for two minutes and for one computer; whoever has them first gets in:")
	c.ui.print("%s\n", i.Words)
	if term.IsTerminal(int(os.Stdout.Fd())) {
		if code, err := qr.Encode(i.Words); err == nil {
			c.ui.say("For a camera, the same words:")
			c.ui.print("%s", code.Terminal())
		}
	}
	name, check, err := i.Meet(c.ctx)
	if err != nil {
		return enrolled(err, i.Kind, "nobody was let in; for new words: codefob devices add")
	}
	c.ui.say("Somebody answered, who calls itself %s.", name)
	c.ui.say("Your new computer must show the very same three words: %s", strings.Join(check, " "))
	means, err := c.ask.Confirm("Does it show these words, and is it yours?")
	if err != nil || !means {
		refused := i.Refuse(c.ctx)
		if errors.Is(err, prompt.ErrUnavailable) {
			return withHint(err, "run it in a terminal: a person has to compare the words")
		}
		if err = errors.Join(err, refused); err == nil {
			c.ui.say("nobody was let in. If the words differed, somebody else had the ten words: look who can see them")
		}
		return err
	}
	st, err := s.Status()
	if err != nil {
		return err
	}
	free := st.Free(name)
	if given, err := c.ask.Line(fmt.Sprintf("Its name [%s]: ", free)); err == nil && strings.TrimSpace(given) != "" {
		free = st.Free(strings.TrimSpace(given))
	}
	if err := i.Admit(c.ctx, free); errors.Is(err, vaultsync.ErrExpired) {
		return withHint(err, "nobody was let in; for new words: codefob devices add")
	} else if err != nil {
		return enrolled(err, i.Kind, "it may have been let in: \"codefob devices\" tells; if it does not take part, remove it and begin again")
	}
	c.ui.say("%s is let in, and gets all accounts", free)
	c.ui.say(byThemselves)
	return nil
}

// byThemselves says who syncs from now on.
const byThemselves = "from now on changes go by themselves while a browser has the vault open; without one: codefob sync"

// enrolled gives an error of the enrollment its way out.
func enrolled(err error, kind, hint string) error {
	if kind == syncing.Folder && (errors.Is(err, vaultsync.ErrNobody) || errors.Is(err, vaultsync.ErrExpired)) {
		hint += "; a folder that is copied slowly may take longer than two minutes: a relay, a stick or a network share does not"
	}
	switch {
	case errors.Is(err, vaultsync.ErrNobody), errors.Is(err, vaultsync.ErrExpired), errors.Is(err, vaultsync.ErrSpent), errors.Is(err, vaultsync.ErrAnswer),
		errors.Is(err, vaultsync.ErrRefused):
		return withHint(err, "%s", hint)
	}
	if way := syncing.WayOut(err); way != "" {
		return withHint(err, "%s", way)
	}
	return err
}

// joinDevices lets this computer in.
func (c *cli) joinDevices(where, name string) error {
	name, err := deviceName(name)
	if err != nil {
		return err
	}
	v, s, err := c.openSyncing(c.openVault)
	if err != nil {
		return err
	}
	defer s.Close()
	const remove = "to have it join others, remove it on another of its computers first: codefob devices remove NAME"
	if err := s.CanJoin(c.ctx); errors.Is(err, vaultsync.ErrExists) {
		return withHint(err, remove)
	} else if err != nil {
		return err
	}
	kind := syncing.Folder
	if strings.Contains(where, "://") {
		kind = syncing.Relay
	}
	if _, err := syncing.Checked(kind, where); errors.Is(err, vaultsync.ErrGone) { // before words are typed that last two minutes
		return withHint(err, "give the path that the shared folder has on this computer, and let it be copied first; the address of a relay begins with wss://")
	} else if err != nil {
		return err
	}
	var words string
	for {
		if words, err = c.ask.Line("The ten words that the other computer shows: "); err != nil {
			return err
		}
		if _, err := vaultsync.ParseCode(words); err == nil {
			break
		} else {
			c.ui.say("%s", err)
		}
	}
	had := len(v.Accounts())
	const again = "for new words, on the other computer: codefob devices add"
	c.ui.say("waiting for the other computer, for two minutes at most")
	visit, err := s.Knock(c.ctx, kind, where, words, name)
	if err != nil {
		return enrolled(err, kind, again)
	}
	defer visit.Close()
	c.ui.say("The other computer must show the very same three words: %s", strings.Join(visit.Check, " "))
	c.ui.say("If it does, say so there. If not, say no there: somebody is in between.")
	if err := visit.Enter(c.ctx); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = vaultsync.ErrExpired
		}
		return enrolled(err, kind, again)
	}
	if _, err := v.Refresh(); err != nil {
		return err
	}
	c.ui.say("this computer is let in: it had %s, and has %d now", accounts(had), len(v.Accounts()))
	c.ui.say(byThemselves)
	return c.syncOnce(s)
}

func (c *cli) removeDevice(name string, yes bool) error {
	v, s, err := c.openSyncing(c.reauthenticate)
	if err != nil {
		return err
	}
	defer s.Close()
	st, err := s.Status()
	if err != nil {
		return err
	}
	if !st.On {
		return errOff
	}
	d, err := st.Find(name)
	switch {
	case errors.Is(err, syncing.ErrNames):
		return withHint(fmt.Errorf("%w: %s", err, name), "give its id: \"codefob devices\" shows it")
	case err == nil && d.Removed:
		return withHint(fmt.Errorf("%s was removed already", d.Name), "where it may be in other hands, set up new codes for all accounts that are older than that: \"codefob list\"")
	case err != nil:
		return withHint(fmt.Errorf("%w: %q", vaultsync.ErrNoDevice, name), "\"codefob devices\" lists them")
	case d.Self:
		return withHint(errors.New("a computer does not remove itself"), "do it on another one of yours; to stop here only: codefob sync off folder, and codefob sync off relay")
	}
	if means, err := c.meansIt(yes, fmt.Sprintf("Remove %s? It gets nothing new, and what it changes from now on is refused.", d.Name)); !means {
		return err
	}
	if err := s.Remove(c.ctx, d); err != nil {
		return err
	}
	if _, err := v.Refresh(); err != nil {
		return err
	}
	c.ui.say("removed %s", d.Name)
	if st, err = s.Status(); err != nil {
		return err
	}
	for _, carrier := range st.Carriers {
		if carrier.Error != "" {
			c.ui.say("warning: %s does not have that yet: %s", carrier.Where, carrier.Error)
			c.ui.say("until it has, your other computers go on giving %s what they change. If that lasts, have all of them use another %s: codefob sync %s …", d.Name, carrier.Kind, carrier.Kind)
		}
	}
	c.tellKnown(d.Name, v.Accounts())
	return nil
}
