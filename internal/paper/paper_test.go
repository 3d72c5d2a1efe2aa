package paper

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"codefob/internal/account"
)

var day = time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)

func sample(t *testing.T) (list []account.Account) {
	t.Helper()
	for i := range 11 {
		uri := fmt.Sprintf("otpauth://totp/Shop%%20%d%%20%%3Cscript%%3E:alice%%26%d?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ%c", i, i, 'A'+i)
		switch i % 3 {
		case 1:
			uri += "&algorithm=SHA256&digits=8&period=60"
		case 2:
			uri += strings.Repeat("GEZDGNBVGY3TQOJQ", 4)
		}
		a, err := account.ParseURI(uri)
		if err != nil {
			t.Fatal(err)
		}
		a.Sites = []string{"https://shop.example", "https://accounts.shop.example"}
		if i%2 == 0 {
			for n := range 10 {
				a.RecoveryCodes = append(a.RecoveryCodes, account.RecoveryCode{Code: account.NewSecret(fmt.Appendf(nil, "ab<%d-%d-efgh", i, n))})
			}
			a.RecoveryCodes[0].Used = day
		}
		list = append(list, a)
	}
	return list
}

func TestSheetIsEscaped(t *testing.T) {
	page, err := Accounts(sample(t), day)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "alice&0", "ab<", "http-equiv=\"refresh\"", "src=", "href="} {
		if strings.Contains(string(page), bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
	for _, want := range []string{"&lt;script&gt;", "SHA256, 8 digits, 60 seconds", "<s>ab&lt;0-0-efgh</s> used 2026-11-29", "https://accounts.shop.example"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not hold %s", want)
		}
	}
}

// Printed by a browser, each account stands on one page, and its QR code is read there.
func TestPrinted(t *testing.T) {
	for _, program := range []string{"chromium", "pdftoppm", "pdftotext", "zbarimg"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED: %s is missing", program)
		}
	}
	list := sample(t)
	page, err := Accounts(list, day)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []string{"A4", "letter"} {
		dir := t.TempDir()
		if keep := os.Getenv("PAPER"); keep != "" { // to look at
			dir = filepath.Join(keep, size)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		sheet, pdf := filepath.Join(dir, "sheet.html"), filepath.Join(dir, "sheet.pdf")
		sized := strings.Replace(string(page), "@page {", "@page { size: "+size+";", 1)
		if err := os.WriteFile(sheet, []byte(sized), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(), "--no-pdf-header-footer", "--print-to-pdf="+pdf, sheet)
		run(t, "pdftoppm", "-r", "150", "-png", pdf, filepath.Join(dir, "page"))
		pages, _ := filepath.Glob(filepath.Join(dir, "page-*.png"))
		found := 0
		for i, picture := range pages {
			text := strings.Join(strings.Fields(run(t, "pdftotext", "-raw", "-f", fmt.Sprint(i+1), "-l", fmt.Sprint(i+1), pdf, "-")), "")
			read := run(t, "zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", picture)
			for _, a := range list {
				secret := strings.ReplaceAll(account.Grouped(a.Secret.Base32()), " ", "")
				switch code, words := strings.Contains(read, a.URI()+"\n"), strings.Contains(text, secret); {
				case code && words:
					found++
					if n := len(a.RecoveryCodes); n > 0 && !strings.Contains(text, string(a.RecoveryCodes[n-1].Code.Bytes())) {
						t.Errorf("%s: the recovery codes of %s are on another page", size, a.Label())
					}
				case code || words:
					t.Errorf("%s, page %d: %s: QR code read %v, secret there %v", size, i+1, a.Label(), code, words)
				}
			}
		}
		if found != len(list) || len(pages) < 3 {
			t.Errorf("%s: %d of %d accounts on %d pages", size, found, len(list), len(pages))
		}
	}
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return string(out)
}
