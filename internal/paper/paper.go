// Package paper makes sheets to be printed: of accounts, and of the vault's recovery
// key. A sheet is one HTML file without script that loads nothing.
package paper

import (
	"fmt"
	"html"
	"strings"
	"time"

	"codefob/internal/account"
	"codefob/internal/qr"
)

// The sheet is black on white, fits A4 and Letter, and never breaks within an account.
const head = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Codefob</title><style>
@page { margin: 14mm }
body { font: 10.5pt/1.35 sans-serif; color: #000; background: #fff; max-width: 182mm; margin: 0 auto }
h1 { font-size: 15pt; margin: 0 0 2mm } h2 { font-size: 12.5pt; margin: 0 0 1mm }
p, ul { margin: 0 0 2mm } ul { padding-left: 5mm }
section { break-inside: avoid; border-top: .3mm solid #000; padding: 4mm 0; overflow-wrap: anywhere }
section::after { content: ""; display: block; clear: both }
svg { float: right; width: 46mm; height: 46mm; margin: 0 0 2mm 4mm }
.secret { font: bold 12pt/1.5 monospace } .big { font: bold 17pt/1.7 monospace }
dl { margin: 0; display: grid; align-items: baseline; grid-template-columns: max-content 1fr; gap: .6mm 3mm } dt, h3 { color: #444 } dd { margin: 0 }
h3 { font: inherit; margin: 2mm 0 0 }
ol { columns: 2; margin: 1mm 0 0; padding-left: 8mm; font: 9.5pt/1.5 monospace } s { color: #444 }
ol li { break-inside: avoid; white-space: nowrap }
</style></head><body>
`

// Accounts is the sheet of accounts. Each fits into a QR code.
func Accounts(list []account.Account, now time.Time) ([]byte, error) {
	var b strings.Builder
	b.WriteString(head + "<h1>Accounts with one-time codes</h1>\n<p>Made by Codefob on " + now.Format("2006-01-02") +
		`. Whoever has this sheet can make your codes: keep it like a key, away from the computer.</p>
<ul><li>An authenticator app takes an account over by its QR code.</li>
<li>By hand: <b>codefob add</b>, or the app's "enter a setup key", takes the secret. Spaces do not matter. Leave the slash and what
follows out in other apps; Codefob checks by it that no character is wrong.</li>
<li>To check it yourself: <b>printf %s SECRET | sha256sum</b>, with the secret without spaces, begins with these three characters.</li>
<li>A recovery code works once. Those struck out are used.</li></ul>
`)
	for _, a := range list {
		code, err := qr.Encode(a.URI())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.Label(), err)
		}
		one(&b, a, code)
	}
	b.WriteString("</body></html>\n")
	return []byte(b.String()), nil
}

func one(b *strings.Builder, a account.Account, code qr.Code) {
	title := a.Issuer
	if title == "" {
		title = a.Label()
	}
	b.WriteString("<section>" + code.SVG() + "<h2>" + html.EscapeString(title) + "</h2>\n<dl>")
	row := func(name, value string) {
		if value != "" {
			b.WriteString("<dt>" + name + "</dt><dd>" + html.EscapeString(value) + "</dd>\n")
		}
	}
	row("account", a.Name)
	text := a.Secret.Base32()
	if a.Type == account.MOTP {
		text = fmt.Sprintf("%x", a.Secret.Bytes())
	}
	b.WriteString(`<dt>secret</dt><dd class="secret">` + account.Grouped(text) + "</dd>\n")
	row("PIN", string(a.PIN.Bytes()))
	row("settings", settings(a))
	row("sites", strings.Join(a.Sites, ", "))
	b.WriteString("</dl>")
	if len(a.RecoveryCodes) > 0 {
		b.WriteString("<h3>recovery codes</h3><ol>\n")
		for _, r := range a.RecoveryCodes {
			text := html.EscapeString(string(r.Code.Bytes()))
			if !r.Used.IsZero() {
				text = "<s>" + text + "</s> used " + r.Used.Format("2006-01-02")
			}
			b.WriteString("<li>" + text + "</li>\n")
		}
		b.WriteString("</ol>")
	}
	b.WriteString("</section>\n")
}

// settings are those that an app does not take for granted.
func settings(a account.Account) string {
	usual := account.New(a.Type, "", "", a.Secret)
	var list []string
	if a.Type != account.TOTP {
		list = append(list, "type "+string(a.Type))
	}
	if a.Algorithm != usual.Algorithm {
		list = append(list, string(a.Algorithm))
	}
	if a.Digits != usual.Digits {
		list = append(list, fmt.Sprint(a.Digits, " digits"))
	}
	if a.Period != usual.Period {
		list = append(list, fmt.Sprintf("%d seconds", int(a.Period.Seconds())))
	}
	if a.Type == account.HOTP {
		list = append(list, fmt.Sprintf("counter %d of the next code when this was made", a.Counter))
	}
	if a.Append {
		list = append(list, "the code goes behind the password")
	}
	if a.Submit {
		list = append(list, "the form is sent once the code is in")
	}
	if a.Ask {
		list = append(list, "always asks")
	}
	return strings.Join(list, ", ")
}

// RecoveryKey is the sheet of the vault's recovery key, as its text is typed.
func RecoveryKey(text, folder string, now time.Time) []byte {
	return []byte(head + "<h1>Recovery key of the Codefob vault</h1>\n<section><p class=\"big\">" + html.EscapeString(text) + "</p>\n<dl><dt>made on</dt><dd>" +
		now.Format("2006-01-02") + "</dd>\n<dt>vault</dt><dd>" + html.EscapeString(folder) + `</dd></dl></section>
<ul><li>It opens the vault when the passphrase is lost: <b>codefob passphrase --recovery-key</b> asks for it, and for a new passphrase.</li>
<li>Letters may be typed in either case; dashes and spaces do not matter. The last group checks the others.</li>
<li>See that it works: <b>codefob recovery-key --check</b></li>
<li>Whoever has this sheet and the vault's files can read all of it: keep it away from the computer. It opens nothing without the files.</li>
<li>A new recovery key makes this sheet worthless: codefob recovery-key</li></ul></body></html>
`)
}
