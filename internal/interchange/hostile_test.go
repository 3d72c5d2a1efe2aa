package interchange

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

// timed reads something hostile, and says how long it took: 2 s are wanted. What
// is not refused before the work would run into the time limit of all tests.
func timed(t *testing.T, name string, s Source, format string) (Result, error) {
	t.Helper()
	start := time.Now()
	r, err := Read(s, format)
	if took := time.Since(start); took > time.Second {
		t.Logf("%s: took %s", name, took)
	}
	return r, err
}

// TestKDFBombs asks for more work than any real file does.
func TestKDFBombs(t *testing.T) {
	aegis := func(slots string) string {
		return `{"version":1,"header":{"slots":[` + slots + `],"params":{"nonce":"` + strings.Repeat("00", 12) + `","tag":"` + strings.Repeat("00", 16) + `"}},"db":"AAAA"}`
	}
	slot := func(n, r, p string) string {
		return `{"type":1,"key":"` + strings.Repeat("00", 32) + `","key_params":{"nonce":"` + strings.Repeat("00", 12) + `","tag":"` + strings.Repeat("00", 16) +
			`"},"n":` + n + `,"r":` + r + `,"p":` + p + `,"salt":"` + strings.Repeat("00", 32) + `"}`
	}
	ente := func(memory, passes string) string {
		return `{"version":1,"kdfParams":{"memLimit":` + memory + `,"opsLimit":` + passes + `,"salt":"oSNHLO3BMxAocxngndY9bw=="},"encryptedData":"` +
			strings.Repeat("AAAA", 20) + `","encryptionNonce":"` + strings.Repeat("AAAA", 8) + `"}`
	}
	bitwarden := func(kdf, iterations, memory, lanes string) string {
		const part = "2.AAAAAAAAAAAAAAAAAAAAAA==|AAAAAAAAAAAAAAAAAAAAAA==|AAAA"
		return `{"encrypted":true,"passwordProtected":true,"salt":"salt","kdfType":` + kdf + `,"kdfIterations":` + iterations + `,"kdfMemory":` + memory +
			`,"kdfParallelism":` + lanes + `,"encKeyValidation_DO_NOT_EDIT":"` + part + `","data":"` + part + `"}`
	}
	tests := []struct{ name, data string }{
		{"scrypt, N of 2^30", aegis(slot("1073741824", "8", "1"))},
		{"scrypt, N that is no power of 2", aegis(slot("32767", "8", "1"))},
		{"scrypt, N of 0", aegis(slot("0", "8", "1"))},
		{"scrypt, r of 2^20", aegis(slot("32768", "1048576", "1"))},
		{"scrypt, p of 2^20", aegis(slot("32768", "8", "1048576"))},
		{"scrypt, a negative N", aegis(slot("-32768", "8", "1"))},
		{"scrypt, N that wraps around", aegis(slot("18446744073709551616", "8", "1"))},
		{"scrypt, 90 slots", aegis(strings.TrimSuffix(strings.Repeat(slot("1048576", "8", "1")+",", 90), ","))},
		{"101 slots", aegis(strings.TrimSuffix(strings.Repeat(`{"type":2},`, 101), ","))},
		{"Argon2id, 8 GiB", ente("8589934592", "1")},
		{"Argon2id, 2^60 bytes", ente("1152921504606846976", "1")},
		{"Argon2id, 10,001 passes", ente("10240", "10001")},
		{"Argon2id, 1 GiB, 100 passes", ente("1073741824", "100")},
		{"Argon2id, no passes", ente("10240", "0")},
		{"Argon2id, a negative memory", ente("-1", "1")},
		{"Argon2id, half a pass", ente("10240", "1.5")},
		{"Argon2id of Bitwarden, 1 TiB", bitwarden("1", "3", "1048576", "4")},
		{"Argon2id of Bitwarden, 17 lanes", bitwarden("1", "3", "64", "17")},
		{"PBKDF2, 10 million rounds and one", bitwarden("0", "10000001", "null", "null")},
		{"PBKDF2, no rounds", bitwarden("0", "0", "null", "null")},
	}
	for _, tt := range tests {
		r, err := timed(t, tt.name, Source{Data: []byte(tt.data), Password: givePassword("x")}, "")
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %s %v; want ErrRefused", tt.name, r.Format, err)
		}
	}
	// The head of a sealed andOTP backup looks the same as the nonce of an old one.
	bomb := append([]byte{0xff, 0xff, 0xff, 0xff}, make([]byte, 100)...)
	if _, err := timed(t, "andOTP", Source{Data: bomb, Password: givePassword("x")}, "andotp"); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("andOTP, 2^32-1 rounds: %v; want ErrWrongPassword", err)
	}
}

// slowFixtures take seconds to open.
var slowFixtures = map[string]bool{
	"stratum-repo/ente.encrypted.json":           true,
	"stratum-repo/keepass.chacha20.argon2d.kdbx": true,
	"stratum-repo/keepass.kdbx3.kdbx":            true,
	"stratum-repo/keepass.twofish.argon2d.kdbx":  true,
}

// TestSealedFixturesSpoilt gives each sealed fixture a wrong password, cuts it short,
// and flips bits of it.
func TestSealedFixturesSpoilt(t *testing.T) {
	for _, tt := range fixtureFiles {
		format, named := strings.CutPrefix(tt.format, "!")
		if !named {
			format = ""
		}
		s, want := fixture(t, tt.path)
		if want.Password != nil && !slowFixtures[tt.path] {
			wrong := s
			wrong.Password = givePassword(*want.Password + "x")
			if _, err := Read(wrong, format); !errors.Is(err, ErrWrongPassword) {
				t.Errorf("%s with a wrong password: %v; want ErrWrongPassword", tt.path, err)
			}
			wrong.Password = nil
			if _, err := Read(wrong, format); !errors.Is(err, ErrNeedsPassword) {
				t.Errorf("%s without a password: %v; want ErrNeedsPassword", tt.path, err)
			}
		}
		if want.Password != nil {
			s.Password = func() ([]byte, error) { return nil, errors.New("not asked here") } // the KDF's time is its own
		}
		if tt.format == "qr" {
			continue // package qr spoils pictures
		}
		for i := range 40 {
			at := len(s.Data) * i / 40
			cut := s
			cut.Data = s.Data[:at]
			checkSane(t, cut, format)
			flipped := s
			flipped.Data = bytes.Clone(s.Data)
			flipped.Data[at] ^= 1 << (i % 8)
			checkSane(t, flipped, format)
		}
	}
}

// checkSane reads what may be anything, and checks what comes out.
func checkSane(t *testing.T, s Source, format string) {
	t.Helper()
	r, err := timed(t, "", s, format)
	if err != nil {
		if len(r.Accounts) != 0 || len(err.Error()) > 300 {
			t.Fatalf("%d accounts beside the error %v", len(r.Accounts), err)
		}
		return
	}
	if len(r.Accounts)+len(r.Errors) == 0 || len(r.Accounts)+len(r.Errors) > MaxEntries {
		t.Fatalf("%d accounts, %d errors", len(r.Accounts), len(r.Errors))
	}
	checkShown(t, r)
}

// checkShown checks that accounts are valid, and that errors can be shown.
func checkShown(t *testing.T, r Result) {
	t.Helper()
	for _, a := range r.Accounts {
		if err := a.Validate(); err != nil {
			t.Fatalf("an account is not valid: %v", err)
		}
	}
	for _, e := range r.Errors {
		if text := e.Error(); len(text) > 900 || strings.ContainsAny(text, "\x00\x1b\n") {
			t.Fatalf("the error %q", text)
		}
	}
}
