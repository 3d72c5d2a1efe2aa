package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"codefob/internal/directory"
	"codefob/internal/site"
)

// published is the list that an update without a file fetches (2fa.directory/api),
// and how it gets there; nil is the system's way. Tests put a server of theirs here.
var published = struct {
	address string
	way     http.RoundTripper
}{"https://api.2fa.directory/v3/tfa.json", nil}

const (
	fetchWait   = 30 * time.Second
	shownOfList = 20 // lines of a long list, unless JSON is asked for
)

// directoryUpdate is what --json says of an update.
type directoryUpdate struct {
	Services int                 `json:"services"`
	Changes  []directory.Change  `json:"changes"`
	Refused  []directory.Refusal `json:"refused"`
	LeftOut  struct {
		Services int `json:"services"` // without a method that we know
		Methods  int `json:"methods"`
		Pages    int `json:"pages"`
		Domains  int `json:"domains"`
	} `json:"leftOut"`
	Kept bool `json:"kept"`
}

// directory takes over a list of 2fa.directory.
func (c *cli) directory(args []string) error {
	fs := c.flags("directory")
	dryRun := fs.Bool("dry-run", false, "show what would change, and change nothing")
	asJSON := fs.Bool("json", false, "print JSON")
	rest, err := parse(fs, args, 1, 2)
	if err != nil {
		return err
	}
	if rest[0] != "update" {
		return misused("directory has no %q, only update", rest[0])
	}
	list, err := c.readList(rest[1:])
	if err != nil {
		return err
	}
	before, err := directory.Read(c.home)
	if err != nil {
		c.ui.say("%s; it is made anew", err)
	}
	u := newDirectoryUpdate(list, directory.Changes(before, list))
	if !*dryRun {
		if err := c.keepList(list); err != nil {
			return err
		}
		u.Kept = true
	}
	if *asJSON {
		return c.ui.json(u)
	}
	c.showUpdate(u)
	return nil
}

// readList reads the list from a file, or fetches the published one.
func (c *cli) readList(files []string) (directory.List, error) {
	var content []byte
	var err error
	name := published.address
	if len(files) > 0 {
		name = fileName(files[0])
		content, err = readFile(files[0], directory.MaxBytes)
	} else {
		c.ui.say("asking %s", name)
		if content, err = fetch(c.ctx, published.way, name); err != nil {
			return directory.List{}, withHint(err, "fetch %s with a browser, then: codefob directory update FILE", name)
		}
	}
	if err != nil {
		return directory.List{}, err
	}
	list, err := directory.Parse(content)
	if err == nil && len(list.Facts) == 0 {
		err = errors.New("no service in it takes anything that we know")
	}
	if err != nil {
		return list, withHint(fmt.Errorf("%s: %w", name, err), "nothing was changed; it takes the lists of https://2fa.directory/api, version 3 or 4")
	}
	return list, nil
}

// fetch gets a list over https, from that host alone. The caller caps the time
// with ctx, too; what is more than a list may be is an error.
func fetch(ctx context.Context, way http.RoundTripper, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchWait)
	defer cancel()
	client := http.Client{Transport: way, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if r.URL.Scheme != "https" || r.URL.Host != via[0].URL.Host || len(via) > 3 {
			return fmt.Errorf("it sends on to %s, which is not followed", r.URL.Redacted())
		}
		return nil
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if r.URL.Scheme != "https" {
		return nil, fmt.Errorf("%s is not https", address)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "codefob/"+version)
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", address, answer.Status)
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, directory.MaxBytes+1))
	if err == nil && len(content) > directory.MaxBytes {
		err = fmt.Errorf("%s is larger than %d MiB", address, directory.MaxBytes>>20)
	}
	return content, err
}

func (c *cli) keepList(list directory.List) error {
	content, err := directory.NewFile(list, time.Now()).JSON()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.home, 0o700); err != nil {
		return err
	}
	return writeNew(directory.FileName(c.home), content, true)
}

func newDirectoryUpdate(list directory.List, changes []directory.Change) directoryUpdate {
	u := directoryUpdate{
		Services: len(list.Facts),
		Changes:  append([]directory.Change{}, changes...), // never null
		Refused:  append([]directory.Refusal{}, list.Refused...),
	}
	u.LeftOut.Services, u.LeftOut.Methods, u.LeftOut.Pages, u.LeftOut.Domains = list.Without, list.Methods, list.Pages, list.Domains
	return u
}

func (c *cli) showUpdate(u directoryUpdate) {
	count := map[directory.Kind]int{}
	for i, change := range u.Changes {
		count[change.Kind]++
		if i >= shownOfList {
			continue
		}
		methods := words(slices.Concat(change.Before, change.After))
		if change.Kind == directory.Changed {
			methods = words(change.Before) + " → " + words(change.After)
		}
		c.ui.print("%-8s %s (%s): %s\n", change.Kind, change.Domain, change.Name, methods)
	}
	if n := len(u.Changes) - shownOfList; n > 0 {
		c.ui.say("and %d more: --json shows all", n)
	}
	for _, r := range u.Refused[:min(len(u.Refused), shownOfList)] {
		c.ui.say("not taken: %s: %s", r.Name, r.Why)
	}
	c.ui.say("%d services of 2FA Directory by 2factorauth: %d added, %d removed, %d with other methods",
		u.Services, count[directory.Added], count[directory.Removed], count[directory.Changed])
	c.ui.say("left out: %d services not taken, %d without a method that we know; %d methods, %d pages, %d domains",
		len(u.Refused), u.LeftOut.Services, u.LeftOut.Methods, u.LeftOut.Pages, u.LeftOut.Domains)
	if u.Kept {
		c.ui.say("kept in %s; login hosts and names stay the built-in ones", directory.FileName(c.home))
	} else {
		c.ui.say("nothing was changed")
	}
}

// words writes methods with spaces between.
func words(methods []site.Method) string {
	if len(methods) == 0 {
		return "unknown"
	}
	return strings.Trim(fmt.Sprint(methods), "[]")
}

// checkDirectory says what became of the kept list; nothing where none is kept.
func (c *cli) checkDirectory() []finding {
	file, err := directory.Read(c.home)
	switch {
	case err != nil:
		return []finding{bad("directory", err, "make it anew: codefob directory update; until then the built-in one serves")}
	case file.Version == 0:
		return nil
	}
	return []finding{good("directory", "%d services, of %s", len(file.Services), file.Date)}
}
