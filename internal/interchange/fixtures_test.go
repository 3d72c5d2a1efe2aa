package interchange

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"codefob/internal/account"
)

const fixtures = "../../../shared/fixtures/import/"

// fixtureFiles are exports of other programs, each beside the accounts and codes that
// an independent reader found in it; with the format that is recognized in them, or
// "!" and the one that has to be named.
var fixtureFiles = []struct {
	path, format string
}{
	{"aegis-repo/plain.txt", "uri-list"},
	{"aegis-repo/ente_auth.txt", "ente"},
	{"aegis-repo/2fas_authenticator.json", "2fas"},
	{"aegis-repo/2fas_authenticator_encrypted_v4.2fas", "2fas"},
	{"aegis-repo/2fas_authenticator_plain.2fas", "2fas"},
	{"aegis-repo/2fas_authenticator_plain_v4.2fas", "2fas"},
	{"aegis-repo/aegis_encrypted.json", "aegis"},
	{"aegis-repo/aegis_plain.json", "aegis"},
	{"aegis-repo/andotp_encrypted.bin", "!andotp"},
	{"aegis-repo/andotp_encrypted_old.bin", "!andotp"},
	{"aegis-repo/andotp_plain.json", "andotp"},
	{"aegis-repo/bitwarden.csv", "bitwarden"},
	{"aegis-repo/bitwarden.json", "bitwarden"},
	{"aegis-repo/duo.json", "duo"},
	{"aegis-repo/freeotp_plus.json", "freeotp"},
	{"aegis-repo/proton_authenticator.json", "proton-authenticator"},
	{"aegis-repo/steam.json", "steam-mafile"},
	{"aegis-repo/steam_old.json", "steam-mafile"},
	{"aegis-repo/stratum_encrypted.bin", "stratum"},
	{"aegis-repo/stratum_encrypted_legacy.bin", "stratum"},
	{"aegis-repo/stratum_plain.json", "stratum"},
	{"ente-repo/proton_authenticator_backup_encrypted_1231246.json", "proton-authenticator"},
	{"extract_otp_secrets-repo/example_export.png", "qr"},
	{"extract_otp_secrets-repo/example_export.txt", "otpauth-migration"},
	{"extract_otp_secrets-repo/qr_but_without_otp.png", "qr"},
	{"extract_otp_secrets-repo/test_export_wrong_data.txt", "otpauth-migration"},
	{"extract_otp_secrets-repo/test_googleauth_export.png", "qr"},
	{"extract_otp_secrets-repo/test_plus_problem_export.txt", "otpauth-migration"},
	{"keepassxc-repo/bitwarden_encrypted_argon2id_export.json", "bitwarden"},
	{"proton-pass-common-repo/GoogleAuthImportScreenshotCropped.jpg", "qr"},
	{"proton-pass-common-repo/GoogleAuthenticatorExport_1.png", "qr"},
	{"proton-pass-common-repo/GoogleAuthenticatorExport_2.png", "qr"},
	{"proton-pass-common-repo/GoogleAuthenticatorExport_3.png", "qr"},
	{"proton-pass-common-repo/GoogleAuthenticator_ScreenshotBigQR.jpeg", "qr"},
	{"proton-pass-common-repo/aegis-json-unencrypted-with-bad-period-digits.json", "aegis"},
	{"proton-pass-common-repo/decrypted_ios.2fas", "2fas"},
	{"proton-pass-common-repo/decrypted_with_missing_fields.2fas", "2fas"},
	{"proton-pass-common-repo/encrypted.lowcomplexity.txt", "ente"},
	{"proton-pass-common-repo/example.png", "qr"},
	{"proton-pass-common-repo/lastpass_ios_export.json", "lastpass-authenticator"},
	{"proton-pass-common-repo/plain_with_missing_fields.txt", "ente"},
	{"stratum-repo/backup.html", "stratum"},
	{"stratum-repo/bitwarden.encrypted.accountrestricted.json", "bitwarden"},
	{"stratum-repo/bitwarden.encrypted.argon2id.json", "bitwarden"},
	{"stratum-repo/bitwarden.encrypted.pbkdf2.json", "bitwarden"},
	{"stratum-repo/bitwardenauthenticator.json", "bitwarden-authenticator"},
	{"stratum-repo/ente.encrypted.json", "ente"},
	{"stratum-repo/googleauthenticator.txt", "otpauth-migration"},
	{"stratum-repo/keepass.aes256.argon2d.kdbx", "kdbx"},
	{"stratum-repo/keepass.aes256.argon2id.kdbx", "kdbx"},
	{"stratum-repo/keepass.chacha20.argon2d.kdbx", "kdbx"},
	{"stratum-repo/keepass.kdbx3.kdbx", "kdbx"},
	{"stratum-repo/keepass.twofish.argon2d.kdbx", "kdbx"},
	{"stratum-repo/lastpass.json", "lastpass-authenticator"},
	{"stratum-repo/urilist.txt", "uri-list"},
	{"aegis-repo/authenticator_plus.zip", "authenticator-plus"},
	{"aegis-repo/authy_encrypted.xml", "authy"},
	{"aegis-repo/authy_plain.xml", "authy"},
	{"aegis-repo/battle_net_authenticator.xml", "battle-net"},
	{"aegis-repo/freeotp.xml", "freeotp"},
	{"aegis-repo/freeotp_v2_api34.xml", "freeotp"},
	{"aegis-repo/freeotp_v2_null_algo.xml", "freeotp"},
	{"aegis-repo/google_authenticator.sqlite", ""},
	{"aegis-repo/microsoft_authenticator.sqlite", ""},
	{"aegis-repo/totp_authenticator.bin", "!totp-authenticator"},
	{"decrypt-otpauth-repo/Accounts.otpauthdb", "!otp-auth"},
	{"keepassxc-repo/1PasswordExport.1pux", "1password"},
	{"proton-pass-common-repo/PassExport.zip", "proton-pass"},
	{"stratum-repo/winauth.zip", "winauth"},
}

// fixtureOutcomes are those that we mean otherwise: the databases of rooted phones are
// not read, and say what to do instead.
var fixtureOutcomes = map[string]string{
	"aegis-repo/google_authenticator.sqlite":    "unsupported",
	"aegis-repo/microsoft_authenticator.sqlite": "unsupported",
}

// leftOut are the reasons of entries that the expectations leave out.
var leftOut = map[string]string{
	"stratum-repo/backup.html":               "yandex secret of 19 bytes", // made up
	"proton-pass-common-repo/PassExport.zip": "no secret",
}

// expectation is what stands beside a fixture.
type expectation struct {
	Outcome  string
	Password *string
	Accounts []struct {
		Type, Issuer, Name, Secret, Algorithm, PIN string
		Digits, Period                             int
		Counter                                    uint64
		Codes                                      map[string]string
	}
}

// fixture reads a shared file and what to expect of it, and skips aloud without them.
func fixture(t testing.TB, path string) (Source, expectation) {
	t.Helper()
	data, err := os.ReadFile(fixtures + path)
	if err != nil {
		t.Skip("the shared fixtures are not here: ", err)
	}
	text, err := os.ReadFile(fixtures + path + ".expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var want expectation
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	s := Source{Name: path[strings.LastIndex(path, "/")+1:], Data: data}
	if want.Password != nil {
		s.Password = givePassword(*want.Password)
	}
	return s, want
}

func givePassword(text string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(text), nil }
}

func TestFixtures(t *testing.T) {
	for _, tt := range fixtureFiles {
		t.Run(tt.path, func(t *testing.T) {
			s, want := fixture(t, tt.path)
			format, named := strings.CutPrefix(tt.format, "!")
			name := ""
			if named {
				name = format
				if got, err := Read(s, ""); err == nil {
					t.Errorf("taken for %s without being told", got.Format)
				}
			}
			got, err := Read(s, name)
			if got.Format != format {
				t.Errorf("format %q; want %q", got.Format, format)
			}
			if other := fixtureOutcomes[tt.path]; other != "" {
				want.Outcome = other
			}
			if reason := leftOut[tt.path]; reason != "" {
				if len(got.Errors) != 1 || !strings.Contains(got.Errors[0].Error(), reason) {
					t.Errorf("left out: %v; want one, %q", got.Errors, reason)
				}
				got.Errors = nil
			}
			checkOutcome(t, want, got, err)
		})
	}
}

// TestEveryFixtureIsRead looks for files that no test reads.
func TestEveryFixtureIsRead(t *testing.T) {
	if _, err := os.Stat(fixtures); err != nil {
		t.Skip("the shared fixtures are not here: ", err)
	}
	read := make(map[string]bool)
	for _, tt := range fixtureFiles {
		read[tt.path] = true
	}
	err := filepath.WalkDir(fixtures, func(name string, d fs.DirEntry, err error) error {
		path, err2 := filepath.Rel(fixtures, name)
		path = filepath.ToSlash(path)
		if err = cmp.Or(err, err2); err != nil || d.IsDir() || !strings.Contains(path, "/") || strings.HasSuffix(path, ".expected.json") {
			return err
		}
		if !read[path] {
			t.Errorf("%s is not in the table", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// checkOutcome compares a result with what stands beside a fixture.
func checkOutcome(t *testing.T, want expectation, got Result, err error) {
	t.Helper()
	switch want.Outcome {
	case "unsupported":
		if !errors.Is(err, ErrUnsupported) {
			t.Errorf("%+v, %v; want ErrUnsupported", got, err)
		}
		return
	case "not-otp":
		if !errors.Is(err, ErrNotOTP) {
			t.Errorf("%+v, %v; want ErrNotOTP", got, err)
		}
		return
	case "nothing-to-import":
		if len(got.Accounts) != 0 || err != nil && !errors.Is(err, ErrNothing) {
			t.Errorf("%+v, %v; want no account", got, err)
		}
		return
	case "refused-or-defaults": // refused by name, here
		if err != nil || len(got.Accounts) != 0 || len(got.Errors) != len(want.Accounts) {
			t.Errorf("%d accounts, %v, %v; want each refused by name", len(got.Accounts), got.Errors, err)
		}
		return
	}
	if err != nil || len(got.Errors) != 0 || len(got.Accounts) != len(want.Accounts) || len(want.Accounts) == 0 {
		t.Fatalf("%d accounts, %v, %v; want %d", len(got.Accounts), got.Errors, err, len(want.Accounts))
	}
	for i, w := range want.Accounts {
		a := got.Accounts[i]
		secret := a.Secret.Base32()
		if a.Type == account.MOTP {
			secret = fmt.Sprintf("%x", a.Secret.Bytes())
		}
		if string(a.Type) != w.Type || a.Issuer != w.Issuer || a.Name != strings.TrimSpace(w.Name) || secret != w.Secret || string(a.PIN.Bytes()) != w.PIN ||
			string(a.Algorithm) != w.Algorithm || a.Digits != w.Digits || a.Period != time.Duration(w.Period)*time.Second || a.Counter != w.Counter {
			t.Errorf("account %d is %+v; want %+v", i+1, a, w)
		}
		for at, wantCode := range w.Codes {
			var n uint64
			var code string
			if _, err = fmt.Sscanf(at, "counter:%d", &n); err == nil {
				code, err = a.CodeAt(n)
			} else if _, err = fmt.Sscan(at, &n); err == nil {
				code, _, _, err = a.Code(time.Unix(int64(n), 0))
			}
			if err != nil || code != wantCode {
				t.Errorf("the code of %s at %s = %q, %v; want %q", a.Label(), at, code, err, wantCode)
			}
		}
	}
}
