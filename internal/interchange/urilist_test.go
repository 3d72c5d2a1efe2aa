package interchange

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"codefob/internal/account"
)

const secretText = "JBSWY3DPEHPK3PXP"

// asUTF16 encodes text without a byte order mark.
func asUTF16(order binary.AppendByteOrder, text string) (data []byte) {
	for _, unit := range utf16.Encode([]rune(text)) {
		data = order.AppendUint16(data, unit)
	}
	return data
}

// summary is what a result holds, a line each: labels, and errors with where they are.
func summary(r Result) string {
	var lines []string
	for _, a := range r.Accounts {
		lines = append(lines, a.Label())
	}
	for _, e := range r.Errors {
		lines = append(lines, e.Error())
	}
	return strings.Join(lines, "\n")
}

func TestParseURIList(t *testing.T) {
	const a, b = "otpauth://totp/GitHub:alice?secret=" + secretText, "otpauth://hotp/Café:😀?secret=" + secretText
	const both = "GitHub (alice)\nCafé (😀)"
	tests := []struct{ name, text, want string }{
		{"LF", a + "\n" + b + "\n", both},
		{"CRLF", a + "\r\n" + b + "\r\n", both},
		{"CR", a + "\r" + b, both},
		{"blank lines, comments and spaces", "# " + a + "\n\n  \t\n  " + a + " \n#\n" + b, both},
		{"byte order mark", "\ufeff" + a + "\n" + b, both},
		{"UTF-16, little endian", string(asUTF16(binary.LittleEndian, "\ufeff"+a+"\r\n"+b)), both},
		{"UTF-16, big endian", string(asUTF16(binary.BigEndian, "\ufeff"+a+"\r\n"+b)), both},
		{"UTF-16 without a mark", string(asUTF16(binary.LittleEndian, a+"\r\n"+b)), both},
		{"UTF-16, big endian, without a mark", string(asUTF16(binary.BigEndian, a+"\r\n"+b)), both},
		{"UTF-16, cut within a character", string(asUTF16(binary.LittleEndian, a+"\n"+b+"\n")) + "o", both},
		{"&amp;", a + "&amp;issuer=GitHub", "GitHub (alice)"},
		{"a line that is no URI", a + "\n\n" + secretText + "\n" + b, both + "\nline 3: not an otpauth URI"},
		{"CRLF is one line end", a + "\r\n\r\nx\r\n", "GitHub (alice)\nline 3: not an otpauth URI"},
		{"a secret with a wrong character", a + "1\n" + b, "Café (😀)\nline 1, GitHub (alice): secret has a digit at character 17 that base32 does not: base32 has no 0, 1, 8 or 9"},
		{"types of other apps", "otpauth://motp/X:y?secret=00\nmotp://X:z?secret=00\nmotp://X:y\notpauth-migration://offline?data=AAAA\n",
			"X (y)\nX (z)\nline 3: no secret\nline 4: damaged export of Google Authenticator"},
	}
	for _, tt := range tests {
		got, err := ParseURIList([]byte(tt.text))
		if err != nil || summary(got) != tt.want {
			t.Errorf("%s: ParseURIList = %q, %v; want %q", tt.name, summary(got), err, tt.want)
		}
		if strings.Contains(summary(got), "JBSWY") {
			t.Errorf("%s: an error shows the secret: %s", tt.name, summary(got))
		}
	}
}

func TestParseURIListRefuses(t *testing.T) {
	const line = "otpauth://totp/a?secret=" + secretText + "\n"
	tests := []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, ErrUnrecognized},
		{"comments only", []byte("# " + line), ErrUnrecognized},
		{"another format", []byte(`{"version": 1, "uri": "otpauth://totp/a?secret=AA"}`), ErrUnrecognized},
		{"a picture", []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), ErrUnrecognized},
		{"many lines of something else", bytes.Repeat([]byte("x\n"), MaxEntries+1), ErrUnrecognized},
		{"one account too many", bytes.Repeat([]byte(line), MaxEntries+1), ErrTooMany},
		{"one byte too many", make([]byte, MaxBytes+1), ErrTooLarge},
	}
	for _, tt := range tests {
		if got, err := ParseURIList(tt.data); err != tt.want || !reflect.DeepEqual(got, Result{}) {
			t.Errorf("%s: ParseURIList has %d accounts, %v; want only %v", tt.name, len(got.Accounts), err, tt.want)
		}
	}
	got, err := ParseURIList(bytes.Repeat([]byte(line), MaxEntries))
	if err != nil || len(got.Accounts) != MaxEntries {
		t.Errorf("ParseURIList of %d lines has %d accounts, %v", MaxEntries, len(got.Accounts), err)
	}
}

func TestEntryErrorIsItsCause(t *testing.T) {
	got, err := ParseURIList([]byte("otpauth://totp/a?secret=AA\nx"))
	if err != nil || len(got.Errors) != 1 || !errors.Is(got.Errors[0], account.ErrNotURI) || got.Errors[0].Where != "line 2" {
		t.Errorf("ParseURIList = %+v, %v; want account.ErrNotURI at line 2", got.Errors, err)
	}
}

func TestFormatURIListIsReadBack(t *testing.T) {
	secret := account.NewSecret([]byte("12345678901234567890"))
	want := []account.Account{
		account.New(account.TOTP, "GitHub", "alice", secret),
		account.New(account.HOTP, "", "", secret),
		account.New(account.Steam, "Steam", "# böb", secret),
	}
	want[1].Counter = 1<<64 - 1
	data := FormatURIList(want)
	if n := bytes.Count(data, []byte("\n")); n != 3 || !bytes.HasSuffix(data, []byte("\n")) {
		t.Errorf("FormatURIList writes %d lines; want 3", n)
	}
	got, err := ParseURIList(data)
	if err != nil || len(got.Errors) != 0 || !reflect.DeepEqual(got.Accounts, want) {
		t.Errorf("ParseURIList(FormatURIList) = %+v, %v; want %+v", got, err, want)
	}
}

func FuzzParseURIList(f *testing.F) {
	const line = "otpauth://totp/GitHub:alice?secret=" + secretText
	for _, text := range []string{
		"", line, line + "\r\n# x\r\r\n\n" + line + "1", "\ufeff" + line, "motp://a:b", "\xff\xfe", "\xff\xfe\x00\xd8", "\xfe\xff\xd8", "steam://AA\nx",
		string(asUTF16(binary.LittleEndian, line)), string(asUTF16(binary.BigEndian, "\ufeff"+line)),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ParseURIList(data)
		if err != nil {
			return
		}
		if len(got.Accounts)+len(got.Errors) == 0 {
			t.Fatal("nothing found and no error")
		}
		again, err := ParseURIList(FormatURIList(got.Accounts))
		if len(got.Accounts) > 0 && (err != nil || len(again.Errors) > 0 || !reflect.DeepEqual(again.Accounts, got.Accounts)) {
			t.Fatalf("written and read again: %+v, %v; want %+v", again, err, got.Accounts)
		}
	})
}
