package syncing

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"codefob/internal/vault"
)

// soak is how many rounds there are; few in make test.
var soak, _ = strconv.Atoi(os.Getenv("CODEFOB_SOAK"))

// homeVariable makes the test program one that syncs the vault of that home, until it is killed.
const homeVariable = "CODEFOB_SYNCING_HOME"

func runHome(home string) error {
	v, err := vault.Open(home)
	if err != nil {
		return err
	}
	if err := v.UnlockPassphrase(context.Background(), []byte("passphrase")); err != nil {
		return err
	}
	s, err := Open(v)
	if err != nil {
		return err
	}
	return s.Run(context.Background(), func(error) {})
}

// Programs that sync, and the relay, are killed at any moment, and the relay's storage is deleted: nothing is lost.
func TestProgramsKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	rounds := 4
	if soak > 0 {
		rounds = soak / 10
	}
	r, folder := startRelay(t), t.TempDir()
	a, b := newComputer(t), newComputer(t)
	a.must(a.s.Use(t.Context(), Relay, r.url(), "desk"))
	b.admit(a, Relay, r.url(), "laptop")
	a.must(a.s.Use(t.Context(), Folder, folder, ""))
	b.must(b.s.Use(t.Context(), Folder, folder, ""))
	count := a.add(fmt.Sprintf(hotp, "Count"))
	var ids []string
	kills, deleted := 0, 0
	for round := range rounds {
		var programs []*exec.Cmd
		for _, c := range []*computer{a, b} {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), homeVariable+"="+c.Home())
			cmd.Stderr = os.Stderr
			a.must(cmd.Start())
			programs = append(programs, cmd)
		}
		for n := range 3 {
			for _, c := range []*computer{a, b} {
				ids = append(ids, c.add(fmt.Sprintf(totp, fmt.Sprintf("S%d-%d", round, n))))
			}
			_, err := a.NextCode(count)
			a.must(err)
			time.Sleep(rand.N(60 * time.Millisecond)) // so that it is any moment
		}
		if rand.N(2) == 0 {
			r.kill()
			if kills++; rand.N(2) == 0 {
				a.must(os.RemoveAll(filepath.Join(r.folder, "jetstream")))
				deleted++
			}
			r.start()
		}
		for _, cmd := range programs {
			cmd.Process.Kill()
			cmd.Wait()
			kills++
		}
	}
	for _, c := range []*computer{a, b} {
		c.refresh()
		c.run()
	}
	for _, c := range []*computer{a, b} {
		for _, id := range ids {
			c.await(id)
		}
		c.awaitStatus(func(st Status) bool {
			return st.Carriers[0].Pending == 0 && st.Carriers[1].Pending == 0 && st.Carriers[0].Error == "" && st.Carriers[1].Error == ""
		})
		c.refresh()
		if got, want := c.get(count).Counter, uint64(7+3*rounds); got != want {
			t.Errorf("counter %d, want %d", got, want)
		}
		for _, trouble := range c.status().Troubles {
			if trouble.Kind != "older" || deleted == 0 {
				t.Errorf("%+v", trouble)
			}
		}
	}
	t.Logf("SOAK %d programs and relays killed at any moment, the relay's storage deleted %d times: all of %d accounts on both computers", kills, deleted, len(ids))
}
