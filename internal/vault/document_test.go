package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"codefob/internal/account"
)

const good = `{"id":"GOOD","type":"totp","issuer":"GitHub","name":"alice","secret":"GEZDGNBVGY3TQOJQ","digits":6,"period":30,"created":1}`

// put writes plain as the vault's accounts.
func put(tb testing.TB, v *Vault, plain string) {
	tb.Helper()
	sealed, err := seal([]byte(plain), v.identity.Recipient())
	check(tb, err)
	check(tb, os.WriteFile(v.accountsFile(), sealed, 0o600))
}

// plainOf is the JSON on disk.
func plainOf(tb testing.TB, v *Vault) []byte {
	tb.Helper()
	sealed, err := os.ReadFile(v.accountsFile())
	check(tb, err)
	plain, err := unseal(sealed, v.identity)
	check(tb, err)
	return plain
}

func TestDocumentsThatAreRefused(t *testing.T) {
	v := newVault(t)
	tests := []struct {
		name, plain string
		want        error
	}{
		{"nothing", ``, ErrDamaged},
		{"not JSON", `noise`, ErrDamaged},
		{"half of it", `{"schema":1,"vault":"V","accounts":[` + good, ErrDamaged},
		{"more after it", `{"schema":1,"vault":"V","accounts":[]} {}`, ErrDamaged},
		{"a list", `[]`, ErrDamaged},
		{"null", `null`, ErrDamaged},
		{"no schema", `{"vault":"V","accounts":[]}`, ErrDamaged},
		{"schema 0", `{"schema":0,"vault":"V","accounts":[]}`, ErrDamaged},
		{"a schema that is no number", `{"schema":"1","vault":"V","accounts":[]}`, ErrDamaged},
		{"accounts that are no list", `{"schema":1,"vault":"V","accounts":{}}`, ErrDamaged},
		{"no vault id", `{"schema":1,"accounts":[]}`, ErrDamaged},
		{"a negative generation", `{"schema":1,"generation":-1,"vault":"V","accounts":[]}`, ErrDamaged},
		{"the same field twice", `{"schema":1,"vault":"V","vault":"W","accounts":[]}`, ErrDamaged},
		{"schema 2", `{"schema":2,"generation":9,"vault":"V","accounts":[]}`, ErrNewer},
		{"schema 2 with another shape", `{"schema":2,"accounts":{"a":1},"generation":"x"}`, ErrNewer},
		{"schema 2147483648", `{"schema":2147483648}`, ErrNewer},
	}
	identity := []byte(v.identity.String())
	for _, tt := range tests {
		put(t, v, tt.plain)
		other, err := Open(v.home)
		check(t, err)
		err = other.UnlockIdentity(identity)
		wantError(t, tt.name, err, tt.want)
		if other.IsOpen() || tt.want == ErrDamaged && errors.Is(err, ErrNewer) {
			t.Errorf("%s: open: %v, %v", tt.name, other.IsOpen(), err)
		}
	}
}

func TestOneBadAccountIsSetAsideAndKept(t *testing.T) {
	with := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	tests := []struct {
		name, raw, want string // in the report
	}{
		{"not an object", `7`, "account 1 is not JSON as expected"},
		{"a text for digits", with(`"digits":6`, `"digits":"six"`), "account 1 is not JSON as expected"},
		{"digits with a fraction", with(`"digits":6`, `"digits":6.5`), "account 1 is not JSON as expected"},
		{"a counter of 2^64", with(`"period":30`, `"counter":18446744073709551616`), "account 1 is not JSON as expected"},
		{"a negative counter", with(`"period":30`, `"counter":-1`), "account 1 is not JSON as expected"},
		{"a list for sites", with(`"created":1`, `"created":1,"sites":{"a":1}`), "account 1 is not JSON as expected"},
		{"no secret", with(`"secret":"GEZDGNBVGY3TQOJQ",`, ``), "secret is empty"},
		{"a secret that is not base32", with(`GEZD`, `!!!!`), "not base32"},
		{"a type of the future", with(`"totp"`, `"push","nonce":"0000"`), `type "push" is not supported`},
		{"40 digits", with(`"digits":6`, `"digits":40`), "40 digits"},
		{"no period", with(`"period":30,`, ``), "period of 0s"},
		{"a period that overflows", with(`"period":30`, `"period":9223372036854775807`), "period of 9223372036854775807 s"},
		{"no id", with(`"id":"GOOD",`, ``), "has no id"},
		{"the id of another", with(`"totp"`, `"totp","note":"second"`), "has the id of another account"},
	}
	for _, tt := range tests {
		v := newVault(t)
		first, second := tt.raw, with("GOOD", "BETTER")
		if strings.Contains(tt.want, "of another") {
			first, second = second, first
			first = with("", "")
			second = tt.raw
		}
		put(t, v, `{"schema":1,"generation":5,"vault":"V","accounts":[`+first+`,`+second+`]}`)
		if changed, err := v.Refresh(); !changed || err != nil {
			t.Errorf("%s: %v, %v", tt.name, changed, err)
			continue
		}
		report := fmt.Sprint(v.SetAside())
		if len(v.Accounts()) != 1 || len(v.SetAside()) != 1 || !strings.Contains(report, tt.want) || strings.Contains(report, "GEZDGNBV") {
			t.Errorf("%s: %d accounts, report %s; want the other one, and %q", tt.name, len(v.Accounts()), report, tt.want)
		}
		for range 2 { // saves keep it
			mustAdd(t, v, totp("bob"))
			v = again(t, v)
		}
		if len(v.Accounts()) != 3 || len(v.SetAside()) != 1 {
			t.Errorf("%s: after two saves %d accounts, report %v", tt.name, len(v.Accounts()), v.SetAside())
		}
		if !kept(t, plainOf(t, v), tt.raw) {
			t.Errorf("%s: after two saves the vault holds\n%s\nwant in it\n%s", tt.name, plainOf(t, v), tt.raw)
		}
	}
}

// kept tells whether one of the accounts means all that raw means.
func kept(t *testing.T, plain []byte, raw string) bool {
	number := func(text []byte) (v any) {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		check(t, d.Decode(&v))
		return v
	}
	want := number([]byte(raw))
	for _, a := range number(plain).(map[string]any)["accounts"].([]any) {
		if fields, isObject := want.(map[string]any); isObject {
			got, _ := a.(map[string]any)
			all := got != nil
			for name, value := range fields {
				all = all && reflect.DeepEqual(got[name], value)
			}
			if all {
				return true
			}
		} else if reflect.DeepEqual(a, want) {
			return true
		}
	}
	return false
}

func TestUnknownFieldsAndLargeNumbersAreKept(t *testing.T) {
	v := newVault(t)
	const max64 = "18446744073709551615"
	counted := `{"id":"B","type":"hotp","secret":"GEZDGNBVGY3TQOJQ","digits":6,"counter":` + max64 + `,"created":2,"device":{"name":"x","n":` + max64 + `}}`
	removed := `{"id":"C","type":"","digits":0,"created":3,"removedAt":4,"by":["someone"]}`
	new := strings.TrimSuffix(good, "}") + `,"colour":"#fff","note":null}`
	put(t, v, `{"schema":1,"generation":5,"vault":"V","devices":[{"id":1}],"accounts":[`+new+`,`+counted+`,`+removed+`],"policy":`+max64+`}`)
	check(t, v.read(v.identity))
	check(t, v.Update(func(tx *Tx) error {
		return tx.Edit("GOOD", func(a *account.Account) error { a.Issuer = "GitLab"; return nil })
	}))
	plain := plainOf(t, v)
	for _, raw := range []string{strings.Replace(new, "GitHub", "GitLab", 1), counted, removed} {
		if !kept(t, plain, raw) {
			t.Errorf("the vault holds\n%s\nwant in it\n%s", plain, raw)
		}
	}
	for _, field := range []string{`"devices":[{"id":1}]`, `"policy":` + max64, `"generation":6`, `"vault":"V"`} {
		if !strings.Contains(string(plain), field) {
			t.Errorf("the vault holds\n%s\nwant in it\n%s", plain, field)
		}
	}
	if a, _ := again(t, v).Account("B"); a.Counter != 1<<64-1 {
		t.Errorf("counter %d; want 2^64-1", a.Counter)
	}
}

// V9: every truncation, and in make soak every bit of every byte flipped.
func TestDamageIsNoticed(t *testing.T) {
	makeCheap(t)
	v, _, err := Create(inMemory(t), []byte(passphrase))
	check(t, err)
	v.sleep = func(context.Context, time.Duration) error { return nil } // after what does not fit any more
	tried, quiet := 0, 0
	mustAdd(t, v, totp("alice"))
	key, err := v.SetRecoveryKey()
	check(t, err)
	byPassphrase := func(v *Vault) error { return v.UnlockPassphrase(t.Context(), []byte(passphrase)) }
	byKey := func(v *Vault) error { return v.UnlockRecovery(key) }
	for _, tt := range []struct {
		file   string
		unlock func(*Vault) error
		or     error // beside ErrDamaged: the key does not fit any more
	}{
		{v.accountsFile(), byPassphrase, ErrDamaged},
		{v.passphraseFile(), byPassphrase, ErrPassphrase},
		{v.recoveryFile(), byKey, ErrRecovery},
	} {
		whole, err := os.ReadFile(tt.file)
		check(t, err)
		try := func(what string, damaged []byte) {
			tried++
			check(t, os.WriteFile(tt.file, damaged, 0o600))
			other, err := Open(v.home)
			check(t, err)
			other.sleep = v.sleep
			if err := tt.unlock(other); !errors.Is(err, ErrDamaged) && !errors.Is(err, tt.or) || other.IsOpen() {
				quiet++
				t.Errorf("%s with %s: %v; want %v", tt.file, what, err, ErrDamaged)
			}
		}
		for n := range whole {
			try(fmt.Sprintf("%d bytes", n), whole[:n])
			for bit := range 8 {
				if soak == 0 && bit != n%8 && bit != (n+5)%8 {
					continue
				}
				bits := byte(1 << bit)
				flipped := bytes.Clone(whole)
				flipped[n] ^= bits
				try(fmt.Sprintf("bits %08b of byte %d flipped", bits, n), flipped)
			}
		}
		try("a byte more", append(bytes.Clone(whole), 0))
		try("itself once more", append(bytes.Clone(whole), whole...))
		check(t, os.WriteFile(tt.file, whole, 0o600))
		check(t, tt.unlock(v))
	}
	t.Logf("SOAK damage: %d truncations and flipped bits; %d unnoticed", tried, quiet)
}

func TestHolds(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	check(t, err)
	other, err := age.GenerateX25519Identity()
	check(t, err)
	for _, size := range []int{0, 1, 32 << 10, 64 << 10, 100_000, 128 << 10} {
		plain := bytes.Repeat([]byte("x"), size)
		sealed, err := seal(plain, identity.Recipient())
		check(t, err)
		if err := holds(sealed, sha256.Sum256(plain), identity); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		wantError(t, "more than is there", holds(sealed, sha256.Sum256(append(bytes.Clone(plain), 'x')), identity), errDiffers)
		if size > 0 {
			wantError(t, "less than is there", holds(sealed, sha256.Sum256(plain[1:]), identity), errDiffers)
			wantError(t, "something else", holds(sealed, sha256.Sum256(append(bytes.Clone(plain[1:]), 'y')), identity), errDiffers)
		}
		if holds(sealed[:len(sealed)-1], sha256.Sum256(plain), identity) == nil || holds(sealed, sha256.Sum256(plain), other) == nil {
			t.Errorf("%d bytes: a cut file or another identity holds them", size)
		}
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add([]byte(`{"schema":1,"generation":5,"vault":"V","accounts":[` + good + `]}`))
	f.Add([]byte(`{"schema":1,"vault":"V","x":[1e400],"accounts":[null,7,{"id":"A","removedAt":1},` + good + `,` + good + `]}`))
	f.Add([]byte(`{"schema":2}`))
	f.Add([]byte(`{"schema":1,"vault":"V","taught":[ 7 ],"reminders":{},"accounts":[` + strings.TrimSuffix(good, "}") + `,"append":true,"recovery":[{"code":"","usedAt":-1}],"recoveryAt":1}]}`))
	f.Add([]byte(`{"schema":1,"vault":"V","accounts":[{"id":"A","digits":"6","\u0000":"\ud83d\ude00"}]}`))
	f.Fuzz(func(t *testing.T, plain []byte) {
		d, err := parseDocument(plain)
		if err != nil {
			if d != nil || !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
				t.Fatalf("parseDocument = %v, %v", d, err)
			}
			return
		}
		accounts, byID := d.live()
		total := len(d.Accounts) + len(d.aside)
		for id, i := range byID {
			if accounts[i].ID != id || accounts[i].Validate() != nil {
				t.Fatalf("account %q: %v", id, accounts[i].Validate())
			}
		}
		// What was read can be written, and reads as the same.
		once, err := jsonOf(d)
		if err != nil {
			t.Fatalf("marshal: %v", err)
		}
		d, err = parseDocument(once)
		if err != nil {
			t.Fatalf("its own %q: %v", once, err)
		}
		if same, _ := d.live(); len(same) != len(accounts) || len(d.Accounts)+len(d.aside) != total {
			t.Fatalf("%d of %d accounts, after a save %d of %d", len(accounts), total, len(same), len(d.Accounts)+len(d.aside))
		}
		if twice, err := jsonOf(d); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("two saves differ:\n%s\n%s, %v", once, twice, err)
		}
	})
}

func jsonOf(d *document) ([]byte, error) {
	var out bytes.Buffer
	err := d.write(&out)
	return out.Bytes(), err
}
