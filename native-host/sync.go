package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"codefob/internal/account"
	"codefob/internal/syncing"
	"codefob/internal/vault"
	"codefob/internal/vaultsync"
)

func (c *cli) sync(args []string) error {
	fs := c.flags("sync")
	watch := fs.Bool("watch", false, "go on until it is interrupted, and sync whenever something changes")
	name := fs.String("name", "", "with folder or relay: what your other computers call this one (its host name)")
	asJSON := fs.Bool("json", false, "with status: print JSON")
	rest, err := parse(fs, args, 0, 2)
	if err != nil {
		return err
	}
	act := strings.Join(rest[:min(1, len(rest))], "")
	switch {
	case *watch && act != "":
		return misused("--watch goes without another word")
	case *name != "" && act != syncing.Folder && act != syncing.Relay:
		return misused("--name goes with folder or relay")
	case *asJSON && act != "status":
		return misused("--json goes with status")
	}
	switch {
	case act == "":
		return c.syncNow(*watch)
	case act == "status" && len(rest) == 1:
		return c.syncStatus(*asJSON)
	case (act == syncing.Folder || act == syncing.Relay) && len(rest) == 2:
		return c.syncBy(act, rest[1], *name)
	case act == "off" && len(rest) == 2 && (rest[1] == syncing.Folder || rest[1] == syncing.Relay):
		return c.syncOff(rest[1])
	}
	return misused("sync takes folder PATH, relay URL, status, off folder or off relay, not %q", strings.Join(rest, " "))
}

// openSyncing opens the vault, and its syncing.
func (c *cli) openSyncing(open func() (*vault.Vault, error)) (*vault.Vault, *syncing.Syncing, error) {
	v, err := open()
	if err != nil {
		return nil, nil, err
	}
	s, err := syncing.Open(v)
	return v, s, err
}

// errOff says that syncing is off, and how to turn it on.
var errOff = withHint(vaultsync.ErrNone, "on your first computer: codefob sync folder PATH, or codefob sync relay URL, and then codefob devices add; on each other one: codefob devices join PATH_OR_URL")

func (c *cli) syncBy(kind, where, name string) error {
	name, err := deviceName(name)
	if err != nil {
		return err
	}
	_, s, err := c.openSyncing(c.openVault)
	if err != nil {
		return err
	}
	defer s.Close()
	before, err := s.Status()
	if err != nil {
		return err
	}
	err = s.Use(c.ctx, kind, where, name)
	if errors.Is(err, syncing.ErrOthers) {
		return withHint(err, "if they are yours, let this one in: \"codefob devices add\" on one of them, and here \"codefob devices join %s\"; else take another folder", where)
	}
	if err != nil {
		return err
	}
	if before.On {
		c.ui.say("changes go by this %s from now on", kind)
	} else {
		c.ui.say("syncing is on, and this is the first computer")
		c.ui.say("next: \"codefob devices add\" lets another one in; if one of yours syncs already, have this one join it: codefob devices join %s", where)
	}
	if kind == syncing.Relay {
		c.ui.say("handing over what is here, which may take some seconds the first time")
	}
	return c.syncOnce(s)
}

// deviceName is what other computers call this one.
func deviceName(name string) (string, error) {
	if name != "" {
		return name, nil
	}
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "", misused("this computer has no name: give it one with --name")
	}
	return name[:min(64, len(name))], nil
}

// syncOnce syncs now, and says what came of it. A carrier that cannot be reached is an error.
func (c *cli) syncOnce(s *syncing.Syncing) error {
	if err := s.Once(c.ctx); err != nil {
		if errors.Is(err, vaultsync.ErrNone) {
			err = errOff
		}
		return err
	}
	st, err := s.Status()
	if err != nil {
		return err
	}
	if len(st.Carriers) == 0 {
		return withHint(syncing.ErrNoCarrier, "codefob sync folder PATH, or codefob sync relay URL")
	}
	isOut := slices.ContainsFunc(st.Devices, func(d syncing.Device) bool { return d.Self && d.Removed })
	var failed []string
	hint := "your accounts are safe here, and changes are handed over once it can be reached"
	for _, carrier := range st.Carriers {
		switch {
		case carrier.Error != "":
			failed = append(failed, carrier.Error)
			if way := carrier.WayOut(); way != "" {
				hint += "; " + way
			}
		case isOut: // what others have, it does not get
		case carrier.Pending > 0:
			c.ui.say("%s does not have %s yet", carrier.Where, changes(carrier.Pending))
		default:
			c.ui.say("%s has all changes", carrier.Where)
		}
	}
	c.tellTroubles(st)
	if len(failed) > 0 {
		return withHint(errors.New(strings.Join(failed, "; ")), "%s", hint)
	}
	return nil
}

func changes(n int) string {
	if n == 1 {
		return "1 change"
	}
	return fmt.Sprintf("%d changes", n)
}

// tellTroubles says what a person should know.
func (c *cli) tellTroubles(st syncing.Status) {
	for _, t := range st.Troubles {
		c.ui.say("warning: %s", t.Text)
	}
	if st.Duplicates > 0 {
		c.ui.say("%s there more than once: \"codefob sync status\" lists which", plural(st.Duplicates, "an account is", "some accounts are"))
	}
}

// tellDuplicates lists accounts that make the same codes: two vaults were joined that both had them.
func (c *cli) tellDuplicates(v *vault.Vault, s *syncing.Syncing) error {
	groups, err := s.Duplicates()
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		return nil
	}
	if _, err := v.Refresh(); err != nil {
		return err
	}
	table := [][]string{{"THERE MORE THAN ONCE", "ID"}}
	for _, ids := range groups {
		for _, id := range ids {
			if a, ok := v.Account(id); ok {
				table = append(table, []string{a.Label(), id})
			}
		}
	}
	c.ui.print("\n")
	c.ui.table(table)
	c.ui.print("They make the same codes. Where one is enough, remove the other: codefob remove ID\n")
	return nil
}

func (c *cli) syncNow(watch bool) error {
	_, s, err := c.openSyncing(c.openVault)
	if err != nil {
		return err
	}
	defer s.Close()
	if !watch {
		return c.syncOnce(s)
	}
	st, err := s.Status()
	if err != nil {
		return err
	}
	if !st.On {
		return errOff
	}
	ctx, stop := signal.NotifyContext(c.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	c.ui.say("syncing until you interrupt it; \"codefob sync status\" tells how it goes")
	err = s.Run(ctx, func(err error) { c.ui.say("warning: %s", err) })
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (c *cli) syncOff(kind string) error {
	_, s, err := c.openSyncing(c.openVault)
	if err != nil {
		return err
	}
	defer s.Close()
	was, err := s.Leave(c.ctx, kind)
	switch {
	case errors.Is(err, vaultsync.ErrNone):
		return errOff
	case err != nil:
		return err
	case !was:
		c.ui.say("no %s carries changes", kind)
		return nil
	}
	c.ui.say("the %s carries no changes of this computer from now on; what is there stays there", kind)
	c.ui.say("the other computers still take this one for one of yours; if it is not any more: codefob devices remove NAME, there")
	return nil
}

func (c *cli) syncStatus(asJSON bool) error {
	v, s, err := c.openSyncing(c.openVault)
	if err != nil {
		return err
	}
	defer s.Close()
	st, err := s.Status()
	if err != nil {
		return err
	}
	if asJSON {
		return c.ui.json(st)
	}
	if !st.On {
		return errOff
	}
	c.listDevices(st)
	if len(st.Carriers) == 0 {
		c.ui.print("\nNothing carries changes: codefob sync folder PATH, or codefob sync relay URL\n")
	} else {
		table := [][]string{{"BY", "WHERE", "REACHED", "PENDING", ""}}
		for _, carrier := range st.Carriers {
			table = append(table, []string{carrier.Kind, carrier.Where, when(carrier.Reached), fmt.Sprint(carrier.Pending), carrier.Error})
		}
		c.ui.print("\n")
		c.ui.table(table)
	}
	for _, t := range st.Troubles {
		c.ui.say("warning: %s", t.Text)
	}
	return c.tellDuplicates(v, s)
}

// when tells a time, or that it never was.
func when(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04")
}

func (c *cli) listDevices(st syncing.Status) {
	table := [][]string{{"DEVICE", "LAST HEARD", "", "ID"}}
	for _, d := range st.Devices {
		note := ""
		switch {
		case d.Removed:
			note = "removed"
		case d.Self:
			note = "this computer"
		case d.Waiting > 0:
			note = changes(d.Waiting) + " of it cannot be used yet"
		}
		table = append(table, []string{d.Name, when(d.Heard), note, d.ID})
	}
	c.ui.table(table)
}

// checkSync is a row of doctor for syncing where it is on, one for each carrier, and one for each trouble.
func (c *cli) checkSync(v *vault.Vault) []finding {
	s, err := syncing.Open(v)
	if err != nil {
		return []finding{bad("syncing", err, "")}
	}
	defer s.Close()
	st, err := s.Status()
	if err != nil {
		return []finding{bad("syncing", err, "")}
	}
	if !st.On {
		return nil
	}
	var list []finding
	others := 0
	for _, d := range st.Devices {
		if !d.Self && !d.Removed {
			others++
		}
	}
	f := good("syncing", "with %d other %s", others, plural(others, "computer", "computers"))
	if others == 0 {
		f.Fix = "codefob devices add lets another one in"
	}
	list = append(list, f)
	for _, carrier := range st.Carriers {
		switch {
		case carrier.Error != "":
			list = append(list, bad("sync "+carrier.Kind, errors.New(carrier.Error), cmp.Or(carrier.WayOut(), "see that it is there, or use another: codefob sync "+carrier.Kind+" …")))
		default:
			list = append(list, good("sync "+carrier.Kind, "%s, last reached %s, %s pending", carrier.Where, when(carrier.Reached), changes(carrier.Pending)))
		}
	}
	for _, t := range st.Troubles {
		text, fix, _ := strings.Cut(t.Text, ". ")
		list = append(list, finding{"syncing", !t.Foul && t.Kind != "removed", text, fix})
	}
	return list
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// tellKnown lists the accounts whose secrets a removed device knew.
func (c *cli) tellKnown(name string, list []account.Account) {
	c.ui.say("%s knew the secrets of %s. Removing it does not take them out of it.", name, accounts(len(list)))
	if len(list) == 0 {
		return
	}
	c.ui.say("If it is lost, or in other hands, set up new codes at each of these, and add them here anew:")
	table := [][]string{{"ISSUER", "ACCOUNT", "SITES"}}
	for _, a := range list {
		sites := strings.Join(a.Sites, " ")
		if sites == "" {
			sites = "-"
		}
		table = append(table, []string{a.Issuer, a.Name, sites})
	}
	c.ui.table(table)
}
