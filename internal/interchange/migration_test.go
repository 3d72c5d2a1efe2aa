package interchange

import (
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"strings"
	"testing"
)

// proto is a field of wire type 2, protoNumber one of type 0.
func proto(number uint64, value string) string {
	out := binary.AppendUvarint(nil, number<<3|2)
	return string(binary.AppendUvarint(out, uint64(len(value)))) + value
}

func protoNumber(number, value uint64) string {
	return string(binary.AppendUvarint(binary.AppendUvarint(nil, number<<3), value))
}

func migrationURI(message string) string {
	return "otpauth-migration://offline?data=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(message)))
}

// migrated is an OtpParameters with a secret.
func migrated(fields ...string) string {
	return proto(1, proto(1, "Hello!\xde\xad\xbe\xef")+strings.Join(fields, ""))
}

func migratedPart(name string, batch int32, index, size uint64) string {
	return migrationURI(migrated(proto(2, name)) + protoNumber(2, 1) + protoNumber(3, size) + protoNumber(4, index) + protoNumber(5, uint64(int64(batch))))
}

func TestReadMigration(t *testing.T) {
	const damaged = "damaged export of Google Authenticator"
	plain := base64.StdEncoding.EncodeToString([]byte(migrated(proto(2, "~~~~>>>>a"))))
	tests := []struct{ name, text, want string }{
		{"defaults", migrationURI(migrated(proto(2, "alice"))), "otpauth://totp/alice?secret=JBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30"},
		{"all fields", migrationURI(migrated(proto(2, "a"), proto(3, "X"), protoNumber(4, 3), protoNumber(5, 2), protoNumber(6, 1), protoNumber(7, 1<<62))), "otpauth://hotp/X:a?secret=JBSWY3DPEHPK3PXP&issuer=X&algorithm=SHA512&digits=8&counter=4611686018427387904"},
		{"the issuer twice", migrationURI(migrated(proto(2, "X: a"), proto(3, "X"))), "otpauth://totp/X:a?secret=JBSWY3DPEHPK3PXP&issuer=X&algorithm=SHA1&digits=6&period=30"},
		{"the issuer in the name", migrationURI(migrated(proto(2, "X:a"))), "otpauth://totp/X:a?secret=JBSWY3DPEHPK3PXP&issuer=X&algorithm=SHA1&digits=6&period=30"},
		{"another word in the name", migrationURI(migrated(proto(2, "Y:a"), proto(3, "X"))), "otpauth://totp/X:Y%3Aa?secret=JBSWY3DPEHPK3PXP&issuer=X&algorithm=SHA1&digits=6&period=30"},
		{"unknown fields of every type", migrationURI(protoNumber(99, 1) + "\x51" + "12345678" + "\x55" + "1234" + proto(12, "x") + migrated(proto(8, "id"), proto(2, "a"))), "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30"},
		{"unescaped", "OTPAUTH-MIGRATION://offline?data=" + plain, "otpauth://totp/~~~~%3E%3E%3E%3Ea?secret=JBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30"},
		{"+ as a space", "otpauth-migration://offline?data=" + strings.ReplaceAll(plain, "+", " "), "otpauth://totp/~~~~%3E%3E%3E%3Ea?secret=JBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30"},
		{"base64url", "otpauth-migration://offline?data=" + strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(plain), "otpauth://totp/~~~~%3E%3E%3E%3Ea?secret=JBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30"},
		{"a part again", migratedPart("c", -5, 2, 3) + "\n" + migratedPart("a", -5, 0, 3) + "\n" + migratedPart("c", -5, 2, 3), "otpauth://totp/c?secret=JBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30\notpauth://totp/a?secret=JBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30"},
		{"an export made twice", migratedPart("a", -5, 0, 1) + "\n" + migratedPart("a", -6, 0, 1), "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30"},
		{"beside an otpauth URI", "# x\notpauth://totp/b?secret=" + secretText + "\n" + migratedPart("a", 1, 0, 1), "otpauth://totp/b?secret=JBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30\notpauth://totp/a?secret=JBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30"},

		{"MD5", migrationURI(migrated() + migrated(proto(2, "a"), protoNumber(4, 4))), "otpauth://totp/?secret=JBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30\nline 1, entry 2, a: algorithm \"MD5\" is not supported, only SHA1, SHA256 and SHA512"},
		{"an unknown type", migrationURI(migrated(proto(2, "a"), protoNumber(6, 3))), "line 1, entry 1, a: " + damaged},
		{"a negative counter", migrationURI(migrated(proto(2, "a"), protoNumber(7, 1<<63))), "line 1, entry 1, a: " + damaged},
		{"no secret", migrationURI(proto(1, proto(2, "a"))), "line 1, entry 1, a: no secret"},
		{"a length beyond the end", migrationURI("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), "line 1: " + damaged},
		{"a number without end", migrationURI("\x18\xff"), "line 1: " + damaged},
		{"an index beyond the size", migratedPart("a", 1, 3, 3), "line 1: " + damaged},
		{"a huge size", migratedPart("a", 1, 0, 1<<40), "line 1: " + damaged},
		{"no data", "otpauth-migration://offline", "line 1: " + damaged},
		{"a NUL in a name", migrationURI(migrated(proto(2, "a\x00"))), "line 1, entry 1: name holds a control character"},
	}
	for _, tt := range tests {
		got, err := Read(Source{Data: []byte(tt.text)}, "")
		if err != nil || full(got) != tt.want || got.Format != "otpauth-migration" {
			t.Errorf("%s: %s, %v: %q; want %q", tt.name, got.Format, err, full(got), tt.want)
		}
	}
}

func TestMissingParts(t *testing.T) {
	parts := []Part{{-5, 2, 3}, {-5, 0, 3}, {7, 0, 1}, {-5, 2, 3}}
	if got := strings.Join(MissingParts(parts), "\n"); got != "part 2 of 3 is missing" {
		t.Errorf("MissingParts = %q; want part 2 of 3", got)
	}
	if got := MissingParts(append(parts, Part{-5, 1, 3})); got != nil {
		t.Errorf("MissingParts = %q after all parts", got)
	}
}

func FuzzReadMigration(f *testing.F) {
	fuzzReader(f, readURIList, "",
		migratedPart("a", -5, 1, 3),
		migrationURI(migrated(proto(2, "a"), proto(3, "X"), protoNumber(4, 3), protoNumber(5, 2), protoNumber(6, 1), protoNumber(7, 5))),
		"otpauth-migration://offline?data=XXXX\nx")
}
