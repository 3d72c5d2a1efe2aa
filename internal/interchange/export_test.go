package interchange

import (
	"bytes"
	"fmt"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"codefob/internal/account"
)

var exportTime = time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)

// exported are accounts of every kind, with all that one can hold.
func exported(t testing.TB) []account.Account {
	t.Helper()
	var list []account.Account
	for _, uri := range []string{
		"otpauth://totp/GitHub:alice?secret=JBSWY3DPEHPK3PXP&issuer=GitHub",
		"otpauth://totp/B%C3%BCro%3A:%E5%B1%B1%22%3C?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&algorithm=SHA256&digits=8",
		"otpauth://totp/Slow:s?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&algorithm=SHA512&period=60",
		"otpauth://totp/Long:l?secret=GEZDGNBVGY3TQOJQ&period=300&digits=7",
		"otpauth://hotp/Counter:bob?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&counter=7",
		"otpauth://totp/Steam:gabe?secret=JBSWY3DPEHPK3PXP&encoder=steam",
		"motp://M:m?secret=48656c6c6f21deadbeef",
		"otpauth://yaotp/Y:y?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY&pin=GUZDGOI",
	} {
		a, err := account.ParseURI(uri)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, a)
	}
	list[6].PIN = account.NewSecret([]byte("1234"))
	list[0].Sites = []string{"https://github.com", "https://github.example:8443"}
	list[0].Append, list[0].Submit, list[0].Ask = true, true, true
	list[0].RecoveryCodes = []account.RecoveryCode{
		{Code: account.NewSecret([]byte("1. abcd-efgh"))}, {Code: account.NewSecret([]byte("12345 67890")), Used: time.UnixMilli(1764400000123)}}
	return list
}

// write writes an export as the command line does.
func write(t testing.TB, format string, list []account.Account) []byte {
	t.Helper()
	var out []byte
	var err error
	switch format {
	case "uri":
		out = FormatURIList(list)
	case "codefob":
		out, err = FormatBackup(list, exportTime)
	case "aegis":
		out, err = FormatAegis(list, nil)
	case "bitwarden":
		out, err = FormatBitwarden(list)
	case "cxf":
		out, err = FormatCXF(list, exportTime)
	case "google-qr":
		out = []byte(strings.Join(FormatMigration(list), "\n"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What an export keeps comes back equal, and what it does not is said before.
func TestExports(t *testing.T) {
	for _, tt := range []struct {
		format, read string
		out          []string // labels of what is left out
		lost         []string
	}{
		{"uri", "uri-list", nil, []string{"sites", "settings for filling", "recovery codes"}},
		{"codefob", "codefob", nil, nil},
		{"aegis", "aegis", nil, []string{"sites", "settings for filling", "recovery codes"}},
		{"bitwarden", "bitwarden", []string{"Counter (bob)", "M (m)", "Y (y)"}, []string{"settings for filling", "recovery codes"}},
		{"cxf", "cxf", []string{"Long (l)", "Counter (bob)", "Steam (gabe)", "M (m)", "Y (y)"}, []string{"settings for filling", "recovery codes"}},
		{"google-qr", "otpauth-migration", []string{"Slow (s)", "Long (l)", "Steam (gabe)", "M (m)", "Y (y)"}, []string{"sites", "settings for filling", "recovery codes"}},
	} {
		list := exported(t)
		kept, losses := Fit(tt.format, list)
		var out, lost []string
		for _, l := range losses {
			if l.Out {
				out = append(out, l.Account.Label())
			} else {
				lost = append(lost, l.What)
			}
		}
		if !slices.Equal(out, tt.out) || !slices.Equal(lost, tt.lost) {
			t.Errorf("%s: left out %q, lost %q; want %q, %q", tt.format, out, lost, tt.out, tt.lost)
		}
		got, err := Read(Source{Data: write(t, tt.format, kept)}, "")
		if err != nil || got.Format != tt.read || len(got.Errors) > 0 {
			t.Errorf("%s: read back as %q with %v, %v", tt.format, got.Format, got.Errors, err)
		}
		if got, want := full(got), string(FormatURIList(kept)); got+"\n" != want {
			t.Errorf("%s: read back\n%s\nwant\n%s", tt.format, got, want)
		}
		if tt.format == "codefob" {
			for i := range kept {
				g, w := got.Accounts[i], kept[i]
				if !reflect.DeepEqual(g.Sites, w.Sites) || g.Append != w.Append || g.Submit != w.Submit || g.Ask != w.Ask || fmt.Sprint(recovery(g)) != fmt.Sprint(recovery(w)) {
					t.Errorf("codefob: %s comes back with other sites, settings or recovery codes", w.Label())
				}
			}
		}
	}
}

func recovery(a account.Account) (list []string) {
	for _, r := range a.RecoveryCodes {
		list = append(list, fmt.Sprint(string(r.Code.Bytes()), r.Used.UnixMilli()))
	}
	return list
}

// Every field of an account is in a backup, or this list says why it is not.
func TestBackupIsWhole(t *testing.T) {
	inURI := []string{"Type", "Issuer", "Name", "Secret", "PIN", "Algorithm", "Digits", "Period", "Counter"}
	beside := []string{"Sites", "Append", "Submit", "Ask", "RecoveryCodes"}
	elsewhere := []string{"ID"} // the vault gives another
	for _, f := range reflect.VisibleFields(reflect.TypeFor[account.Account]()) {
		if !slices.Contains(slices.Concat(inURI, beside, elsewhere), f.Name) {
			t.Errorf("a backup does not hold %s", f.Name)
		}
	}
}

func TestAegisSealed(t *testing.T) {
	list := exported(t)
	sealed, err := FormatAegis(list, []byte("a passphrase"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("GitHub")) || bytes.Contains(sealed, []byte(list[0].Secret.Base32())) {
		t.Error("what is sealed can be read")
	}
	got, err := Read(Source{Data: sealed, Password: givePassword("a passphrase")}, "")
	if err != nil || full(got)+"\n" != string(FormatURIList(list)) {
		t.Errorf("read back: %v\n%s", err, full(got))
	}
	if _, err := Read(Source{Data: sealed, Password: givePassword("another one")}, ""); err != ErrWrongPassword {
		t.Errorf("another passphrase: %v", err)
	}
}

// 25 accounts go into three codes, with one batch; in any order they come back whole.
func TestMigrationParts(t *testing.T) {
	var list []account.Account
	for i := range 25 {
		list = append(list, account.New(account.TOTP, "Shop", fmt.Sprint("user", i), account.NewSecret(bytes.Repeat([]byte{byte(i + 1)}, 20))))
	}
	uris := FormatMigration(list)
	if len(uris) != 3 {
		t.Fatalf("%d codes", len(uris))
	}
	got, err := Read(Source{Data: []byte(uris[2] + "\n" + uris[0])}, "")
	if missing := MissingParts(got.Parts); err != nil || !slices.Equal(missing, []string{"part 2 of 3 is missing"}) || len(got.Accounts) != 15 {
		t.Errorf("two of three: %d accounts, %q, %v", len(got.Accounts), missing, err)
	}
	got, err = Read(Source{Data: []byte(strings.Join(uris, "\n"))}, "")
	if err != nil || full(got)+"\n" != string(FormatURIList(list)) || MissingParts(got.Parts) != nil {
		t.Errorf("all: %v\n%s", err, full(got))
	}
	long := account.New(account.TOTP, strings.Repeat("i", 256), strings.Repeat("n", 256), account.NewSecret(bytes.Repeat([]byte("secret"), 150)))
	uris = FormatMigration([]account.Account{list[0], long, list[1]})
	if kept, _ := Fit("google-qr", []account.Account{long}); len(kept) != 1 || len(uris) != 3 {
		t.Errorf("the longest account: kept %d, in %d codes", len(kept), len(uris))
	}
	for _, uri := range uris {
		if len(uri) > maxQRText {
			t.Errorf("a code of %d bytes", len(uri))
		}
	}
}

// oathtool makes the same codes from what is exported.
func TestOathtoolAgrees(t *testing.T) {
	program, err := exec.LookPath("oathtool")
	if err != nil {
		t.Skip("SKIPPED: oathtool is missing")
	}
	for _, format := range []string{"uri", "codefob", "aegis", "bitwarden", "cxf", "google-qr"} {
		kept, _ := Fit(format, exported(t))
		got, err := Read(Source{Data: write(t, format, kept)}, "")
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range got.Accounts {
			args := []string{"--base32", fmt.Sprint("--digits=", a.Digits)}
			var want string
			switch a.Type {
			case account.TOTP:
				args = append(args, "--totp="+string(a.Algorithm), fmt.Sprint("--time-step-size=", a.Period), "--now=@1234567890")
				want, _, _, err = kept[i].Code(time.Unix(1234567890, 0))
			case account.HOTP:
				args = append(args, fmt.Sprint("--counter=", a.Counter))
				want, err = kept[i].CodeAt(kept[i].Counter)
			default:
				continue
			}
			out, err2 := exec.Command(program, append(args, a.Secret.Base32())...).CombinedOutput()
			if err != nil || err2 != nil || strings.TrimSpace(string(out)) != want {
				t.Errorf("%s, %s: oathtool says %q, %v; want %q, %v", format, a.Label(), out, err2, want, err)
			}
		}
	}
}

func TestBackupsThatAreNot(t *testing.T) {
	for _, tt := range []struct{ data, want string }{
		{`{"codefob":2,"accounts":[]}`, "this format is not supported: a backup of a newer version of Codefob"},
		{`{"codefob":1,"accounts":[]}`, "there is no account in it"},
		{`{"codefob":1,"accounts":[{"uri":"otpauth://totp/A:b?secret=AAAA","recovery":[{"code":"x"}]}]}`, "entry 1, A (b): a recovery code of it is damaged"},
		{`{"codefob":1,"accounts":[{"uri":"otpauth://totp/A:b?secret=AAAA","recovery":[{"code":"abcd\nefgh"}]}]}`, "entry 1, A (b): a recovery code of it is damaged"},
		{`{"codefob":1,"accounts":[{"uri":"nothing"}]}`, "entry 1: not an otpauth URI"},
	} {
		r, err := Read(Source{Data: []byte(tt.data)}, "")
		got := full(r)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.data, got, tt.want)
		}
	}
}
