package interchange

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"strings"
	"testing"

	"codefob/internal/qr"
)

// packed makes an archive, of names and contents in turn.
func packed(t testing.TB, parts ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := 0; i < len(parts); i += 2 {
		f, err := w.Create(parts[i])
		if err == nil {
			_, err = f.Write([]byte(parts[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// sealedArchives were written by @zip.js/zip.js 2.8: Raivo's file and a page beside it, with the
// password "right"; zip64.zip without one, its sizes in 64 bits.
var sealedArchives = []string{"aes128.zip", "aes192.zip", "aes256.zip", "zipcrypto.zip", "zip64.zip"}

func TestSealedArchives(t *testing.T) {
	want := uri("Shop:bob", "&algorithm=SHA256&digits=8&period=60") + "\notpauth://hotp/Bank:?secret=" + secretText + "&issuer=Bank&algorithm=SHA1&digits=6&counter=7"
	for _, name := range sealedArchives {
		data, err := os.ReadFile("testdata/zip/" + name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Read(Source{Data: data, Password: givePassword("right")}, "")
		if err != nil || full(r) != want || r.Format != "raivo" {
			t.Errorf("%s: %s %s, %v; want %s", name, r.Format, full(r), err, want)
		}
		if name == "zip64.zip" {
			continue
		}
		if r, err := Read(Source{Data: data, Password: givePassword("wrong")}, ""); !errors.Is(err, ErrWrongPassword) {
			t.Errorf("%s with a wrong password: %s, %v", name, full(r), err)
		}
		if r, err := Read(Source{Data: data}, "raivo"); !errors.Is(err, ErrNeedsPassword) {
			t.Errorf("%s without a password: %s, %v", name, full(r), err)
		}
		flipped := bytes.Clone(data)
		flipped[150] ^= 4 // in what is sealed
		if r, err := Read(Source{Data: flipped, Password: givePassword("right")}, ""); !errors.Is(err, ErrWrongPassword) || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s damaged: %s, %v", name, full(r), err)
		}
	}
}

func TestArchives(t *testing.T) {
	aegis := `{"version":1,"header":{"slots":null},"db":{"version":3,"entries":[{"type":"totp","issuer":"A","name":"a","info":{"secret":"` + secretText + `"}}]}}`
	list := "otpauth://totp/B:b?secret=" + secretText + "\notpauth://totp/bad?secret=1"
	a, b := uri("A:a", plainSettings), uri("B:b", plainSettings)
	tests := []struct {
		name   string
		data   []byte
		format string
		want   string
	}{
		{"several files, each as it is", packed(t, "../../etc/aegis", aegis, "dir/", "", "dir/list", list, "dir/note", "a note", ".hidden", list, "__MACOSX/x", list), "mixed",
			a + "\n" + b + "\nlist, line 2, bad: secret has a digit at character 1 that base32 does not: base32 has no 0, 1, 8 or 9\n1 others"},
		{"one of them damaged", packed(t, "1", aegis, "2", aegis[:40]), "aegis", a + "\n2: refused: it is damaged, or cut short: its JSON is not whole"},
		{"an archive in it", packed(t, "1", aegis, "2\n", string(packed(t, "1", aegis))), "aegis",
			a + "\na file in the archive: this format is not supported: an archive in the archive: unpack it, and import what is in it"},
		{"of an app: only its file", packed(t, "files/a.txt", list, "export.data", `{"accounts":[{"vaults":[{"items":[
			{"state":"active","overview":{"title":"A"},"details":{"loginFields":[{"designation":"username","value":"a"}],"sections":[{"fields":[{"value":{"totp":"`+secretText+`"}},{"value":{"totp":"`+secretText+`"}},{"value":{"date":1}}]}]}},
			{"state":"trashed","overview":{"title":"T"},"details":{"sections":[{"fields":[{"value":{"totp":"AA"}}]}]}},
			{"state":"archived","details":{"sections":null}}]}]}]}`), "1password", a + "\n" + a + "\n2 others"},
		{"Proton Pass", packed(t, "Proton Pass/data.json", `{"vaults":{"v":{"items":[
			{"state":1,"data":{"metadata":{"name":"A"},"content":{"totpUri":"`+secretText+`","itemEmail":"a"},"extraFields":[{"type":"totp","data":{"totpUri":"steam://`+secretText+`"}}]}},
			{"state":1,"data":{"metadata":{"name":"A"},"content":{"sections":[{"sectionFields":[{"data":{"totpUri":"otpauth://totp/a?secret=`+secretText+`"}}]}]}}},
			{"state":2,"data":{"content":{"totpUri":"AA"}}}]}}}`), "proton-pass",
			a + "\n" + "otpauth://totp/Steam:a?secret=" + secretText + "&issuer=Steam&algorithm=SHA1&digits=5&period=30&encoder=steam\n" + a + "\n1 others"},
		{"names with backslashes", packed(t, `Proton Pass\data.json`, `{"vaults":{"v":{"items":[{"state":1,"data":{"metadata":{"name":"A"},"content":{"totpUri":"`+secretText+`","itemUsername":"a"}}}]}}}`, "x", list), "proton-pass", a},
		{"Dashlane", packed(t, "ids.csv", "type,number\n", "credentials.csv", "username,title,password,otpSecret\na,A,x,"+secretText+"\n"), "dashlane", a},
		{"WinAuth", packed(t, "winauth-2026.txt", "otpauth://totp/A%3aa?secret="+secretText+"&digits=6&icon=x&data=y"), "winauth", a},
	}
	for _, tt := range tests {
		r, err := Read(Source{Data: tt.data}, "")
		if err != nil || full(r) != tt.want || r.Format != tt.format {
			t.Errorf("%s: %s\n%s, %v; want %s\n%s", tt.name, r.Format, full(r), err, tt.format, tt.want)
		}
	}
}

func TestArchivesThatAreRefused(t *testing.T) {
	list := "otpauth://totp/B:b?secret=" + secretText
	many := make([]string, 0, 2*maxMembers+2)
	for i := range maxMembers + 1 {
		many = append(many, fmt.Sprint(i), list)
	}
	big := strings.Repeat(" ", MaxBytes/2+1)
	patched := func(data []byte, at int, value uint32) []byte { // in the directory
		data = bytes.Clone(data)
		binary.LittleEndian.PutUint32(data[bytes.Index(data, []byte("PK\x01\x02"))+at:], value)
		return data
	}
	one := packed(t, "list", list)
	tests := []struct {
		name string
		data []byte
		want error
		says string
	}{
		{"nothing that is known", packed(t, "a", "a note", "b", "another"), ErrUnrecognized, "none of the files in the archive"},
		{"no file at all", packed(t), ErrUnrecognized, ""}, // does not begin as archives with files do
		{"empty files", packed(t, "a", ""), ErrNothing, ""},
		{"too many files", packed(t, many...), ErrRefused, "over 1000 files"},
		{"a bomb of one file", packed(t, "a", big+big), ErrTooLarge, "unpacked"},
		{"a bomb of several", packed(t, "a", big, "b", big), ErrTooLarge, "unpacked"},
		{"smaller than it says", patched(one, 24, 1000), ErrRefused, "damaged"},
		{"larger than it says", patched(one, 24, 3), ErrRefused, "damaged"},
		{"a size that Deflate cannot reach", patched(one, 24, 60<<20), ErrRefused, "damaged"},
		{"another checksum", patched(one, 16, 1), ErrRefused, "damaged"},
		{"over its end", patched(one, 20, 1<<31), ErrRefused, "damaged"},
		{"elsewhere", patched(one, 42, 1<<31), ErrRefused, "damaged"},
		{"in the directory", patched(one, 42, uint32(bytes.Index(one, []byte("PK\x01\x02")))), ErrRefused, "damaged"},
		{"packed in another way", patched(one, 10, 14), ErrUnsupported, "uncommon way"},
		{"sealed in PKWARE's way", patched(one, 8, 0x41|8<<16), ErrUnsupported, "PKWARE"},
		{"cut short", one[:len(one)-23], ErrRefused, "cut short"},
		{"PGP of Proton Pass", packed(t, "Proton Pass/data.pgp", "-----BEGIN PGP MESSAGE-----\n"), ErrUnsupported, "without PGP"},
		{"only another archive", packed(t, "a.zip", string(one)), ErrUnsupported, "an archive in the archive"},
	}
	for _, tt := range tests {
		r, err := timed(t, tt.name, Source{Data: tt.data, Password: givePassword("x")}, "")
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) || len(r.Accounts) != 0 {
			t.Errorf("%s: %s, %v; want %v, %q", tt.name, full(r), err, tt.want, tt.says)
		}
	}
}

// TestArchivesOfPictures reads ten that take long: those for which the work of one does
// not do are named, and a small one after them is read.
func TestArchivesOfPictures(t *testing.T) {
	var large bytes.Buffer
	small, err := qr.Encode("otpauth://totp/A:a?secret=" + secretText)
	if err := errors.Join(err, png.Encode(&large, image.NewGray(image.Rect(0, 0, 4000, 4000)))); err != nil {
		t.Fatal(err)
	}
	var parts []string
	for i := range 10 {
		parts = append(parts, fmt.Sprintf("%d.png", i), large.String())
	}
	r, err := Read(Source{Data: packed(t, append(parts, "small.png", string(small.PNG(4)))...)}, "")
	if err != nil || len(r.Accounts) != 1 || r.Others == 0 || len(r.Errors) == 0 || r.Others+len(r.Errors) != 10 {
		t.Fatalf("%s, %v; want one account, and ten pictures without", full(r), err)
	}
	if last := r.Errors[len(r.Errors)-1]; last.Where != "9.png" || !strings.Contains(last.Err.Error(), "by itself") {
		t.Errorf("%v; want 9.png to be named, and what to do", last)
	}
}

// TestArchiveAsksOnce reads two sealed files, with one password for both.
func TestArchiveAsksOnce(t *testing.T) {
	asked := 0
	sealed := `{"a":{"type":"totp","issuer":"A","account":"a","encrypted":true,"hash":"x","secret":"` + sealCryptoJS(secretText, []byte("right")) + `"}}`
	r, err := Read(Source{Data: packed(t, "1", sealed, "2", sealed), Password: func() ([]byte, error) { asked++; return []byte("right"), nil }}, "")
	if asked != 1 || err != nil || len(r.Accounts) != 2 {
		t.Errorf("%s, %v; asked %d times, want 1", full(r), err, asked)
	}
}

func FuzzZip(f *testing.F) {
	seeds := []string{string(packed(f, "a", "otpauth://totp/a?secret=AA", "b/", "")), string(packed(f, "export.data", `{"accounts":[]}`))}
	for _, name := range sealedArchives {
		data, err := os.ReadFile("testdata/zip/" + name)
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, string(data))
	}
	fuzzReader(f, func(s Source) (Result, error) { return readZip(s, "") }, "right", seeds...)
}
