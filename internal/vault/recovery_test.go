package vault

import (
	"bufio"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"codefob/internal/account"
)

// withRecovery is an account with the recovery codes "code-0", "code-1" …
func withRecovery(n int) account.Account {
	a := totp("alice")
	for i := range n {
		a.RecoveryCodes = append(a.RecoveryCodes, account.RecoveryCode{Code: account.NewSecret(fmt.Appendf(nil, "code-%d", i))})
	}
	return a
}

func recoveryOf(tb testing.TB, v *Vault, id string) (text string) {
	tb.Helper()
	a, _ := v.Account(id)
	for _, c := range a.RecoveryCodes {
		text += string(c.Code.Bytes())
		if !c.Used.IsZero() {
			text += fmt.Sprintf("@%d", c.Used.UnixMilli())
		}
		text += " "
	}
	return strings.TrimSpace(text)
}

func TestRecoveryCodesAreGivenInTheirOrder(t *testing.T) {
	v := newVault(t)
	v.now = func() time.Time { return time.UnixMilli(77) }
	id := mustAdd(t, v, withRecovery(3))
	without := mustAdd(t, v, totp("bob"))
	if got := recoveryOf(t, again(t, v), id); got != "code-0 code-1 code-2" {
		t.Errorf("kept are %q", got)
	}
	for i := range 3 {
		code, left, err := v.NextRecovery(id, 0)
		check(t, err)
		if want := fmt.Sprint("code-", i); string(code.Bytes()) != want || left != 2-i {
			t.Errorf("%q, %d left; want %s and %d", code.Bytes(), left, want, 2-i)
		}
	}
	for _, id := range []string{id, without} {
		code, _, err := v.NextRecovery(id, 0)
		wantError(t, "NextRecovery", err, account.ErrNoRecovery)
		if !code.IsZero() {
			t.Error("there is a code with the error")
		}
	}
	_, _, err := v.NextRecovery("nobody", 0)
	wantError(t, "NextRecovery", err, ErrNoAccount)
	if got := recoveryOf(t, again(t, v), id); got != "code-0@77 code-1@77 code-2@77" {
		t.Errorf("kept are %q", got)
	}
	if got := v.Generation(); got != 5 {
		t.Errorf("generation %d: what gave no code was saved", got)
	}
}

// A used code stays used, unknown fields stay, and only what takes codes away
// moves the clock: two vaults of the same clock can be merged.
func TestEditingRecoveryCodes(t *testing.T) {
	v := newVault(t)
	v.now = func() time.Time { return time.UnixMilli(5) }
	put(t, v, `{"schema":1,"vault":"V","accounts":[`+strings.Replace(good, `"created":1`,
		`"created":1,"recovery":[{"code":"code-0","usedAt":3,"by":"x"},{"code":"code-1"}]`, 1)+`]}`)
	check(t, v.read(v.identity))
	edit := func(change func(*account.Account)) {
		check(t, v.Update(func(tx *Tx) error {
			return tx.Edit("GOOD", func(a *account.Account) error { change(a); return nil })
		}))
	}
	for _, step := range []struct {
		name   string
		change func(*account.Account)
		want   string
	}{
		{"nothing", func(*account.Account) {}, `"recovery":[{"code":"code-0","usedAt":3,"by":"x"},{"code":"code-1"}]}`},
		{"unused again", func(a *account.Account) { a.RecoveryCodes[0].Used = time.Time{} },
			`"recovery":[{"code":"code-0","usedAt":3,"by":"x"},{"code":"code-1"}]}`},
		{"one more", func(a *account.Account) { a.AddRecovery([]account.Secret{account.NewSecret([]byte("code-2"))}) },
			`"recovery":[{"code":"code-0","usedAt":3,"by":"x"},{"code":"code-1"},{"code":"code-2"}]}`},
		{"one less", func(a *account.Account) { a.RecoveryCodes = a.RecoveryCodes[:2] },
			`"recovery":[{"code":"code-0","usedAt":3,"by":"x"},{"code":"code-1"}],"recoveryAt":5}`},
		{"none, at the same moment", func(a *account.Account) { a.RecoveryCodes = nil }, `"recoveryAt":6}`},
	} {
		edit(step.change)
		if plain := string(plainOf(t, v)); !strings.Contains(plain, step.want) {
			t.Errorf("%s: the vault holds\n%s\nwant in it %s", step.name, plain, step.want)
		}
	}
}

func TestRecoveryCodesGoWithTheirAccount(t *testing.T) {
	v := newVault(t)
	now := noon
	v.now = func() time.Time { return now }
	id := mustAdd(t, v, withRecovery(2))
	check(t, v.Update(func(tx *Tx) error { return tx.Remove(id) }))
	_, _, err := v.NextRecovery(id, 0)
	wantError(t, "NextRecovery", err, ErrNoAccount)
	now = now.Add(keepRemoved + time.Second)
	mustAdd(t, v, totp("bob"))
	if plain := string(plainOf(t, v)); strings.Contains(plain, "code-") {
		t.Errorf("90 days later the vault holds\n%s", plain)
	}
}

func TestALockedVaultForgetsRecoveryCodes(t *testing.T) {
	v := newVault(t)
	id := mustAdd(t, v, withRecovery(1))
	given, _, err := v.NextRecovery(id, 0)
	check(t, err)
	a, _ := v.Account(id)
	v.Lock()
	if !a.RecoveryCodes[0].Code.IsZero() {
		t.Error("the code is still there")
	}
	if string(given.Bytes()) != "code-0" {
		t.Error("the code that was given went with it")
	}
}

func TestPINIsKeptWithItsClock(t *testing.T) {
	v := newVault(t)
	a := account.New(account.MOTP, "Work", "", account.NewSecret([]byte("12345678")))
	id := mustAdd(t, v, a)
	for _, pin := range []string{"1234", "5678"} {
		check(t, v.Update(func(tx *Tx) error {
			return tx.Edit(id, func(a *account.Account) error { a.PIN = account.NewSecret([]byte(pin)); return nil })
		}))
		if got, _ := again(t, v).Account(id); string(got.PIN.Bytes()) != pin || strings.Count(string(plainOf(t, v)), "pinAt") != 1 {
			t.Errorf("the PIN is %d bytes; want %s, with its clock", got.PIN.Len(), pin)
		}
	}
}

func TestSwitchesHaveTheirClocks(t *testing.T) {
	for name, of := range map[string]func(*account.Account) *bool{
		"append": func(a *account.Account) *bool { return &a.Append },
		"submit": func(a *account.Account) *bool { return &a.Submit },
		"ask":    func(a *account.Account) *bool { return &a.Ask },
	} {
		v := newVault(t)
		v.now = func() time.Time { return time.UnixMilli(5) }
		put(t, v, `{"schema":1,"vault":"V","accounts":[`+good+`]}`)
		check(t, v.read(v.identity))
		for _, step := range []struct {
			on   bool
			want string
		}{
			{true, `"` + name + `":true,"created":1,"` + name + `At":5}`},
			{true, `"` + name + `":true,"created":1,"` + name + `At":5}`},
			{false, `"period":30,"created":1,"` + name + `At":6}`},
		} {
			check(t, v.Update(func(tx *Tx) error {
				return tx.Edit("GOOD", func(a *account.Account) error { *of(a) = step.on; return nil })
			}))
			if a, _ := again(t, v).Account("GOOD"); *of(&a) != step.on {
				t.Errorf("%s %v; want %v", name, *of(&a), step.on)
			}
			if plain := string(plainOf(t, v)); !strings.Contains(plain, step.want) {
				t.Errorf("the vault holds\n%s\nwant in it %s", plain, step.want)
			}
		}
		id := mustAdd(t, v, func() account.Account { a := totp("bob"); *of(&a) = true; return a }())
		if a, _ := again(t, v).Account(id); !*of(&a) || strings.Count(string(plainOf(t, v)), name+"At") != 1 {
			t.Errorf("enrolled with %s: %v in\n%s", name, *of(&a), plainOf(t, v))
		}
	}
}

func TestNoRecoveryCodeTwiceWhenASaveGoesWrong(t *testing.T) {
	makeCheap(t)
	suffer(t, func(t *testing.T, d *faultyDisk) {
		v, _, err := Create(t.TempDir(), []byte(passphrase))
		check(t, err)
		id := mustAdd(t, v, withRecovery(4))
		var given []string
		next := func() error {
			return survive(func() error {
				code, _, err := v.NextRecovery(id, 0)
				if code.IsZero() != (err != nil) {
					t.Errorf("NextRecovery: %d bytes, %v", code.Len(), err)
				}
				if err == nil {
					given = append(given, string(code.Bytes()))
				}
				return err
			})
		}
		check(t, next())
		v.disk = d
		next()
		v.disk = osDisk{}
		v = again(t, v)
		check(t, next())
		if slices.Sort(given); len(slices.Compact(slices.Clone(given))) != len(given) {
			t.Errorf("a code was given twice: %q", given)
		}
		if a, _ := again(t, v).Account(id); a.RecoveryLeft() > 4-len(given) {
			t.Errorf("%d were given, %d of 4 are left", len(given), a.RecoveryLeft())
		}
	})
}

func TestManyProgramsNeverGiveARecoveryCodeTwice(t *testing.T) {
	const programs, codes = 4, 10
	v := newVault(t)
	id := mustAdd(t, v, withRecovery(programs*codes))
	got := together(t, v, programs, "recover", codes, id)
	if slices.Sort(got); len(got) != programs*codes || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("%d codes were given: %q", len(got), got)
	}
	if a, _ := again(t, v).Account(id); a.RecoveryLeft() != 0 {
		t.Errorf("%d are left", a.RecoveryLeft())
	}
}

func TestKilledWhileGivingRecoveryCodes(t *testing.T) {
	trials := 20
	if testing.Short() {
		trials = 4
	}
	v := newVault(t)
	given := map[string]bool{}
	for trial := range trials {
		id := mustAdd(t, v, withRecovery(100))
		clear(given)
		for range 3 {
			c := child(v, "recover", 1<<30, id)
			out, err := c.StdoutPipe()
			check(t, err)
			check(t, c.Start())
			for lines, n := bufio.NewScanner(out), 0; lines.Scan(); n++ {
				if given[lines.Text()] {
					t.Fatalf("trial %d: %s was given twice", trial, lines.Text())
				}
				given[lines.Text()] = true
				if n == trial%5 {
					check(t, c.Process.Kill())
				}
			}
			c.Wait()
		}
		if a, _ := again(t, v).Account(id); len(given) == 0 || a.RecoveryLeft() > 100-len(given) {
			t.Fatalf("trial %d: %d were given, %d of 100 are left", trial, len(given), a.RecoveryLeft())
		}
	}
}
