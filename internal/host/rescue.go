package host

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"codefob/internal/protocol"
	"codefob/internal/site"
	"codefob/internal/vault"
)

// maxHosts bounds what a reply lists of 500 services, most of which have two or three.
const maxHosts = 2000

// visited is the service of a document's host, and what the vault has for it.
type visited struct {
	service  site.Service // zero where the directory has none
	domain   string       // registrable, or the host that has none
	accounts int          // that serve it
	reminder protocol.Reminder
}

// facts tells what is known of the document's service. The directory's part needs
// no vault: whoever waits for a message is helped without one, or while it is locked.
func (h *Host) facts(ctx context.Context, p protocol.FactsParams) (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, err := h.visit(ctx, p.Context)
	if err != nil && !errors.Is(err, vault.ErrMissing) && !errors.Is(err, vault.ErrLocked) {
		return nil, err
	}
	r := protocol.FactsResult{Name: cmp.Or(at.service.Name, at.domain), Accounts: at.accounts, Reminder: at.reminder}
	if s := at.service; s.Name != "" {
		r.Service = &protocol.Service{Name: s.Name, Methods: []protocol.TwoFactor{}, Setup: s.Setup, Recovery: s.Recovery, Note: s.Note}
		for _, m := range s.Methods {
			r.Service.Methods = append(r.Service.Methods, protocol.TwoFactor(m))
		}
	}
	return r, nil
}

// remind keeps the user's wish, and tells at which hosts to remind.
func (h *Host) remind(ctx context.Context, p protocol.RemindParams) (any, error) {
	if !slices.Contains(protocol.Reminders, p.Reminder) {
		return nil, badRequest("The reminder is not valid.")
	}
	if p.Reminder != protocol.ReminderSeen { // which can come without the user
		h.Active()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	at, err := h.visit(ctx, p.Context)
	if err != nil {
		return nil, err
	}
	to := vault.Reminder{Service: at.service.Name, Domain: at.domain, State: string(p.Reminder)}
	keep := p.Reminder != at.reminder
	switch p.Reminder {
	case protocol.ReminderNone:
		to.State = ""
	case protocol.ReminderSeen: // nobody asked for it: it changes no wish, and a private window leaves no trace
		keep = at.reminder == protocol.ReminderNone && !p.Context.Private
	}
	if keep {
		if err := h.update(func(tx *vault.Tx) error { return tx.Remind(to) }); err != nil {
			return nil, err
		}
	}
	list, err := h.list()
	if err != nil {
		return nil, err
	}
	return protocol.RemindResult{Hosts: hostsOf(list)}, nil
}

// services lists the services of the accounts and of the reminders, and the
// origins where the user taught a field that takes codes.
func (h *Host) services(ctx context.Context) (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ensureOpen(ctx); err != nil {
		return nil, err
	}
	list, err := h.list()
	if err != nil {
		return nil, err
	}
	taught, err := h.vault.Taught(string(protocol.MarkTOTP))
	if err != nil {
		return nil, err
	}
	r := protocol.ServicesResult{Services: []protocol.ServiceState{}, Hosts: hostsOf(list), Taught: []string{}}
	for _, l := range list[:min(len(list), protocol.MaxServices)] {
		r.Services = append(r.Services, l.ServiceState)
	}
	for _, origin := range taught {
		if _, err := site.ParseOrigin(origin); err == nil && len(r.Taught) < protocol.MaxTaught {
			r.Taught = append(r.Taught, origin)
		}
	}
	return r, nil
}

// visit finds the service of a document's host, also where it returns
// [vault.ErrMissing] or [vault.ErrLocked]. h.mu is held.
func (h *Host) visit(ctx context.Context, c protocol.Context) (at visited, err error) {
	o, ancestors, err := place(c)
	if err != nil {
		return at, err
	}
	at.domain = cmp.Or(o.Registrable(), o.Host)
	at.service, _ = h.Directory.At(o.Host)
	at.reminder = protocol.ReminderNone
	if err := h.ensureOpen(ctx); err != nil {
		return at, err
	}
	reminders, err := h.vault.Reminders()
	if err != nil {
		return at, err
	}
	for _, r := range reminders {
		if state := protocol.Reminder(r.State); r.Of(at.service.Name, at.domain) && slices.Contains(protocol.Reminders, state) {
			at.reminder = state
			break
		}
	}
	if at.service.Name == "" {
		at.accounts = len(h.matcher().Find(o, ancestors))
		return at, nil
	}
	for _, a := range h.vault.Accounts() {
		if s, ok := h.Directory.Of(a.Issuer, site.Stored(a.Sites)); ok && s.Name == at.service.Name {
			at.accounts++
		}
	}
	return at, nil
}

// listed is one of the user's services, and where a reminder for it would show.
type listed struct {
	protocol.ServiceState
	hosts []string
}

// list gives the services of the accounts and of the reminders, by stage and
// name. h.mu is held.
func (h *Host) list() ([]listed, error) {
	reminders, err := h.vault.Reminders()
	if err != nil {
		return nil, err
	}
	var list []listed
	type key struct{ service, name string } // the service's name, else the domain or the issuer
	at := map[key]int{}
	entry := func(s site.Service, name, domain string) *listed {
		key := key{service: s.Name}
		if s.Name == "" {
			key.name = name
		}
		i, ok := at[key]
		if !ok {
			i, at[key] = len(list), len(list)
			l := listed{protocol.ServiceState{Name: cmp.Or(s.Name, name), Host: domain, State: protocol.StageSMS, Setup: s.Setup, Reminder: protocol.ReminderNone}, []string{domain}}
			if s.Name != "" {
				l.hosts = slices.Concat(s.Domains, s.Hosts)
				l.Host = slices.Concat(s.Hosts, s.Domains)[0]
			}
			if s.Takes(site.MethodTOTP) {
				l.State = protocol.StageApp
			}
			list = append(list, l)
		}
		return &list[i]
	}
	for _, a := range h.vault.Accounts() {
		sites := site.Stored(a.Sites)
		s, _ := h.Directory.Of(a.Issuer, sites)
		var host, domain string
		if len(sites) > 0 {
			host = sites[0].Origin.Host
			domain = cmp.Or(sites[0].Origin.Registrable(), host)
		}
		l := entry(s, cmp.Or(domain, a.Label()), host)
		l.Accounts++
		l.State = protocol.StageDone
	}
	for _, r := range reminders {
		s, ok := h.Directory.At(r.Domain)
		if r.Service != "" && (!ok || s.Name != r.Service) {
			s, _ = h.Directory.Of(r.Service, nil)
		}
		l := entry(s, r.Domain, r.Domain)
		if s.Name == "" { // also those with another site before this one, as facts has them
			l.Accounts = max(l.Accounts, len(h.matcher().Find(site.Origin{Scheme: "https", Host: r.Domain}, nil)))
		}
		if state := protocol.Reminder(r.State); slices.Contains(protocol.Reminders, state) {
			l.Reminder = state
		}
		if l.Reminder == protocol.ReminderDone || l.Accounts > 0 {
			l.State = protocol.StageDone
		}
	}
	slices.SortStableFunc(list, func(a, b listed) int {
		return cmp.Or(cmp.Compare(slices.Index(protocol.Stages, a.State), slices.Index(protocol.Stages, b.State)),
			cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)))
	})
	return list, nil
}

// hostsOf are the hosts at which a reminder is wanted, and the vault has no
// account yet.
func hostsOf(list []listed) []string {
	hosts := []string{}
	for _, l := range list {
		if l.Reminder == protocol.ReminderWanted && l.State != protocol.StageDone {
			hosts = append(hosts, l.hosts...)
		}
	}
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	return hosts[:min(len(hosts), maxHosts)]
}
