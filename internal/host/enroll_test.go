package host

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"codefob/internal/account"
	"codefob/internal/interchange"
	"codefob/internal/protocol"
	"codefob/internal/qr"
)

// drawn is a picture with the QR codes of texts below each other.
func (r *rig) drawn(texts ...string) image.Image {
	r.Helper()
	const side = 300
	canvas := image.NewGray(image.Rect(0, 0, side, side*max(1, len(texts))))
	draw.Draw(canvas, canvas.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	for i, text := range texts {
		code, err := qrcode.NewQRCodeWriter().Encode(text, gozxing.BarcodeFormat_QR_CODE, side, side, nil)
		r.check(err)
		draw.Draw(canvas, image.Rect(0, i*side, side, (i+1)*side), code, image.Point{}, draw.Src)
	}
	return canvas
}

// picture is a PNG file with QR codes, as qr.read takes it.
func (r *rig) picture(texts ...string) protocol.QRParams {
	r.Helper()
	var b bytes.Buffer
	r.check(png.Encode(&b, r.drawn(texts...)))
	return protocol.QRParams{Picture: base64.StdEncoding.EncodeToString(b.Bytes())}
}

const (
	carolURI = "otpauth://totp/Shop:carol?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Shop&digits=8&period=60&algorithm=SHA256"
	carolKey = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	rfcURI   = "otpauth://totp/Example:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	phone    = "phonefactor://activate_account?code=123456789&url=https%3A%2F%2Fexample.com"
	// An export of Google Authenticator: Example (alice) with the secret "Hello!" and 0xDEADBEEF.
	migration = "otpauth-migration://offline?data=CiIKCkhlbGxvId6tvu8SBWFsaWNlGgdFeGFtcGxlIAEoATACEAEYASAAKAc%3D"
)

// carol is an account whose secret may be wiped.
func carol() account.Account {
	return account.New(account.TOTP, "Shop", "carol", account.NewSecret([]byte("carol's key")))
}

func read(r *rig, text string) protocol.OffersResult {
	r.Helper()
	return get[protocol.OffersResult](r, protocol.MethodURI, protocol.URIParams{Text: text})
}

// withoutTickets takes them off, as they are random.
func withoutTickets(r *rig, o protocol.OffersResult) protocol.OffersResult {
	r.Helper()
	for i := range o.Offers {
		if len(o.Offers[i].Ticket) < 20 {
			r.Errorf("a ticket %q", o.Offers[i].Ticket)
		}
		o.Offers[i].Ticket = ""
	}
	return o
}

func TestWhatIsOffered(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	have := get[protocol.SearchResult](r, protocol.MethodSearch, protocol.SearchParams{Limit: 1}).Accounts[0]
	carol := protocol.Offer{Issuer: "Shop", Account: "carol", Type: "totp", Algorithm: "SHA256", Digits: 8, Period: 60}
	alice := protocol.Offer{Issuer: "Example", Account: "alice", Type: "totp", Algorithm: "SHA1", Digits: 6, Period: 30, Have: &have}
	bare := protocol.Offer{Type: "totp", Algorithm: "SHA1", Digits: 6, Period: 30}
	for _, tt := range []struct {
		texts  []string
		want   []protocol.Offer
		others int
	}{
		{[]string{carolURI}, []protocol.Offer{carol}, 0},
		{[]string{rfcURI}, []protocol.Offer{alice}, 0},
		{[]string{carolKey}, []protocol.Offer{bare}, 0},
		{[]string{"jbsw y3dp ehpk 3pxp"}, []protocol.Offer{bare}, 0},
		{[]string{"otpauth://hotp/Bank?secret=" + carolKey + "&counter=7"}, []protocol.Offer{{Account: "Bank", Type: "hotp", Algorithm: "SHA1", Digits: 6}}, 0},
		{[]string{"motp://Work:dave?secret=0123456789abcdef"}, []protocol.Offer{{Issuer: "Work", Account: "dave", Type: "motp", Algorithm: "MD5", Digits: 6, Period: 10}}, 0},
		{[]string{migration}, []protocol.Offer{{Issuer: "Example", Account: "alice", Type: "totp", Algorithm: "SHA1", Digits: 6, Period: 30}}, 0},
	} {
		want, _ := json.Marshal(protocol.OffersResult{Offers: tt.want, Others: tt.others})
		for how, got := range map[string]protocol.OffersResult{
			"text":    read(r, strings.Join(tt.texts, "\n")),
			"picture": get[protocol.OffersResult](r, protocol.MethodQR, r.picture(tt.texts...)),
		} {
			if b, _ := json.Marshal(withoutTickets(r, got)); string(b) != string(want) {
				t.Errorf("%s %q: %s, want %s", how, tt.texts, b, want)
			}
		}
	}
	// Several in one: each once, and what is none is counted.
	got := get[protocol.OffersResult](r, protocol.MethodQR, r.picture(carolURI, "https://shop.example/app", rfcURI, carolURI+"&image=x"))
	if b, _ := json.Marshal(withoutTickets(r, got)); len(got.Offers) != 2 || got.Others != 1 {
		t.Errorf("four codes: %s", b)
	}
}

func TestPartsOfAnExport(t *testing.T) {
	var all []account.Account
	for i := range 25 {
		all = append(all, account.New(account.TOTP, "Shop", "", account.NewSecret(fmt.Appendf(nil, "the secret %d", i))))
	}
	first, other := interchange.FormatMigration(all), interchange.FormatMigration(all[:11])
	for _, tt := range []struct {
		texts []string
		want  *protocol.Parts
	}{
		{first[1:2], &protocol.Parts{Read: []int{2}, Size: 3}},
		{[]string{first[2], first[0], first[2] + "&again=1"}, &protocol.Parts{Read: []int{1, 3}, Size: 3}},
		{first, nil},
		{append(first, other[1]), &protocol.Parts{Read: []int{2}, Size: 2}},
		{[]string{migration}, nil},
		{[]string{carolURI}, nil},
	} {
		r := newRig(t)
		for how, got := range map[string]protocol.OffersResult{
			"text":    read(r, strings.Join(tt.texts, "\n")),
			"picture": get[protocol.OffersResult](r, protocol.MethodQR, r.picture(tt.texts...)),
		} {
			if !reflect.DeepEqual(got.Parts, tt.want) {
				t.Errorf("%s of %d: %+v, want %+v", how, len(tt.texts), got.Parts, tt.want)
			}
		}
	}
}

func TestAJPEGOfAScreen(t *testing.T) {
	r := newRig(t)
	var b bytes.Buffer
	r.check(jpeg.Encode(&b, r.drawn(carolURI), nil))
	got := get[protocol.OffersResult](r, protocol.MethodQR, protocol.QRParams{Picture: base64.StdEncoding.EncodeToString(b.Bytes())})
	if len(got.Offers) != 1 || got.Offers[0].Account != "carol" {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsNoAccount(t *testing.T) {
	r := newRig(t)
	cut := r.picture(carolURI)
	cut.Picture = cut.Picture[:len(cut.Picture)/8*4]
	text := func(s string) any { return protocol.URIParams{Text: s} }
	file := func(s string) any { return protocol.QRParams{Picture: base64.StdEncoding.EncodeToString([]byte(s))} }
	many := strings.Builder{}
	for i := range protocol.MaxAccounts + 1 {
		fmt.Fprintf(&many, "otpauth://totp/n%d?secret=JBSWY3DPEHPK3P%c%c\n", i, 'A'+i%26, 'A'+i/26)
	}
	for _, tt := range []struct {
		name    string
		m       protocol.Method
		params  any
		want    protocol.ErrorCode
		message string // in it
	}{
		{"a blank picture", protocol.MethodQR, r.picture(), protocol.ErrNoQR, "no QR code"},
		{"a code of another kind", protocol.MethodQR, r.picture("https://example.com"), protocol.ErrNotOTP, "none for an authenticator app"},
		{"words", protocol.MethodQR, r.picture("HELLO"), protocol.ErrNotOTP, "none for an authenticator app"},
		{"Microsoft's", protocol.MethodQR, r.picture(phone), protocol.ErrNotOTP, "Microsoft's own app"},
		{"no secret", protocol.MethodQR, r.picture("otpauth://totp/x"), protocol.ErrNotOTP, "no secret"},
		{"a text file", protocol.MethodQR, file("hello"), protocol.ErrPicture, ""},
		{"nothing", protocol.MethodQR, file(""), protocol.ErrPicture, ""},
		{"a picture cut off", protocol.MethodQR, cut, protocol.ErrPicture, ""},
		{"Microsoft's, pasted", protocol.MethodURI, text(" PhoneFactor://activate_account?code=1"), protocol.ErrNotOTP, "Microsoft's own app"},
		{"nothing, pasted", protocol.MethodURI, text(""), protocol.ErrNotOTP, "secret is empty"},
		{"a word", protocol.MethodURI, text("hello"), protocol.ErrNotOTP, "too short"},
		{"an address", protocol.MethodURI, text("https://example.com"), protocol.ErrNotOTP, "not base32"},
		{"a key with a zero", protocol.MethodURI, text("JBSWY3DPEHPK3PX0"), protocol.ErrNotOTP, "no 0, 1, 8 or 9"},
		{"an unknown hash", protocol.MethodURI, text(carolURI[:len(carolURI)-6] + "SHA3"), protocol.ErrNotOTP, "SHA3"},
		{"a damaged export", protocol.MethodURI, text("otpauth-migration://offline?data=AAAA"), protocol.ErrNotOTP, "damaged export"},
		{"too long", protocol.MethodURI, text(strings.Repeat("A", protocol.MaxText+1)), protocol.ErrTooLarge, ""},
		{"too many", protocol.MethodURI, text(many.String()), protocol.ErrLimit, "codefob import"},
	} {
		s := r.call(tt.m, tt.params)
		if s.code() != tt.want {
			t.Errorf("%s: %s %s, want %s", tt.name, s.code(), s.Result, tt.want)
		} else if said := s.Error.Message + " " + s.Error.Hint; !strings.Contains(said, tt.message) || s.Error.Hint == "" || strings.Contains(said, carolKey) {
			t.Errorf("%s: %q", tt.name, said)
		}
	}
	if n := len(r.host.session.tickets); n != 0 {
		t.Errorf("%d tickets were given", n)
	}
}

func TestNothingIsReadForALockedVault(t *testing.T) {
	r := newRig(t)
	get[protocol.VaultResult](r, protocol.MethodLock, nil)
	r.fails(protocol.MethodQR, r.picture(carolURI), protocol.ErrVaultLocked)
	r.fails(protocol.MethodURI, protocol.URIParams{Text: carolURI}, protocol.ErrVaultLocked)
	r.fails(protocol.MethodEnroll, protocol.EnrollParams{}, protocol.ErrVaultLocked)
	for _, m := range []protocol.Method{protocol.MethodRemove, protocol.MethodRestore} {
		r.fails(m, protocol.HandleParams{}, protocol.ErrVaultLocked)
	}
	r.fails(protocol.MethodList, protocol.ListParams{Limit: 1}, protocol.ErrVaultLocked)
	r.fails(protocol.MethodEdit, protocol.EditParams{Sites: []string{}}, protocol.ErrVaultLocked)
	r.fails(protocol.MethodSave, protocol.SaveParams{Codes: []string{"abcd-1234"}}, protocol.ErrVaultLocked)
}

func TestACodeDoesNotWaitForAPicture(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	handle := r.handle("alice")
	begun, goOn := make(chan bool, 2), make(chan bool)
	defer close(goOn)
	r.host.readQR = func(picture []byte) ([]string, error) {
		begun <- true
		<-goOn
		return qr.Read(picture)
	}
	first := r.send(protocol.MethodQR, r.picture(carolURI))
	<-begun
	get[protocol.ReleaseResult](r, protocol.MethodCode, fill(handle, page(example)))
	r.fails(protocol.MethodQR, r.picture(carolURI), protocol.ErrBusy)
	read(r, carolURI)
	goOn <- true
	if s := r.next(); s.ID != first || s.Error != nil {
		t.Errorf("the picture: %d %s", s.ID, s.code())
	}

	// The next one is read, and gives nothing once the vault is locked.
	second := r.send(protocol.MethodQR, r.picture(carolURI))
	<-begun
	get[protocol.VaultResult](r, protocol.MethodLock, nil)
	goOn <- true
	if s := r.next(); s.ID != second || s.code() != protocol.ErrVaultLocked {
		t.Errorf("the picture behind the lock: %d %s", s.ID, s.code())
	}
	if n := len(r.host.session.tickets); n != 0 {
		t.Errorf("%d tickets were given", n)
	}
}

func TestFromThePageToTheCode(t *testing.T) {
	r := newRig(t)
	r.clock = time.Unix(31, 0)
	here := page("https://accounts.shop.example")
	r.match(here) // makes an index without it
	offer := get[protocol.OffersResult](r, protocol.MethodQR, r.picture("otpauth://totp/Shop:carol?digits=8&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")).Offers[0]
	a := get[protocol.EnrollResult](r, protocol.MethodEnroll, protocol.EnrollParams{Ticket: offer.Ticket, Issuer: " Shop ", Account: "carol@example.com", Context: &here}).Account
	want := protocol.Account{Handle: a.Handle, Issuer: "Shop", Account: "carol@example.com", Strength: "bound", Type: "totp", Digits: 8, Period: 30, Site: "accounts.shop.example"}
	if a != want {
		t.Errorf("enrolled is %+v, want %+v", a, want)
	}
	if got := get[protocol.ReleaseResult](r, protocol.MethodCode, fill(a.Handle, here)); got.Code != "94287082" { // RFC 6238, appendix B
		t.Errorf("its code at 31 s is %s", got.Code)
	}
	if got := r.match(here); len(got) != 1 || got[0] != want {
		t.Errorf("match: %+v", got)
	}
	if on := r.openVault().Accounts()[0]; !on.Secret.Equal(rfcSecret) || !slices.Equal(on.Sites, []string{"https://accounts.shop.example"}) {
		t.Errorf("on disk is %+v", on)
	}
	r.fails(protocol.MethodEnroll, protocol.EnrollParams{Ticket: offer.Ticket}, protocol.ErrTicket)
	again := read(r, rfcURI).Offers[0]
	if again.Have == nil || again.Have.Handle != a.Handle {
		t.Errorf("read again: %+v", again)
	}
	if s := r.call(protocol.MethodEnroll, protocol.EnrollParams{Ticket: again.Ticket}); s.code() != protocol.ErrExists || !strings.Contains(s.Error.Message, "Shop (carol@example.com)") {
		t.Errorf("enrolled twice: %+v", s.Error)
	}
}

func TestWhereAnAccountMayBeEnrolled(t *testing.T) {
	const frame, top = "https://login.example.net", "https://shop.example"
	for _, tt := range []struct {
		name string
		c    protocol.Context
		want protocol.ErrorCode
		site string
	}{
		{"a page", page(example), "no error", example},
		{"with a port", page("https://example.com:8443"), "no error", "https://example.com:8443"},
		{"this computer", page("http://localhost:8080"), "no error", "http://localhost:8080"},
		{"a frame of the same site", page(example, "https://www.example.com"), "no error", example},
		{"a frame of another site", page(frame, top), "no error", frame + " in " + top},
		{"between them a third", page(frame, "https://evil.example", top), protocol.ErrFrame, ""},
		{"http", page("http://example.com"), protocol.ErrOrigin, ""},
		{"a sandbox", page("null"), protocol.ErrOrigin, ""},
		{"in a sandbox", page(example, "null"), protocol.ErrOrigin, ""},
		{"a public suffix", page("https://co.uk"), protocol.ErrOrigin, ""},
		{"a file", page("file://"), protocol.ErrOrigin, ""},
		{"no document", protocol.Context{Origin: example}, protocol.ErrBadRequest, ""},
	} {
		r := newRig(t)
		ticket := read(r, carolURI).Offers[0].Ticket
		p := protocol.EnrollParams{Ticket: ticket, Issuer: "Shop", Context: &tt.c}
		if got := r.call(protocol.MethodEnroll, p).code(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		on := r.openVault().Accounts()
		if tt.site != "" && (len(on) != 1 || !slices.Equal(on[0].Sites, []string{tt.site})) || tt.site == "" && len(on) != 0 {
			t.Errorf("%s: on disk %+v", tt.name, on)
		}
		if tt.site == "" { // the ticket is good still
			p.Context = nil
			if a := get[protocol.EnrollResult](r, protocol.MethodEnroll, p).Account; a.Strength != "none" || a.Site != "" {
				t.Errorf("bound to nothing: %+v", a)
			}
		}
	}
}

func TestNamesThatCannotBeKept(t *testing.T) {
	r := newRig(t)
	ticket := read(r, carolURI).Offers[0].Ticket
	for _, p := range []protocol.EnrollParams{
		{Issuer: strings.Repeat("x", account.MaxTextBytes+1)},
		{Account: "line\nbreak"},
		{Issuer: "Git\u202ebuH"},
	} {
		p.Ticket = ticket
		s := r.call(protocol.MethodEnroll, p)
		field := "issuer"
		if p.Account != "" {
			field = "name"
		}
		if s.code() != protocol.ErrNotValid || !strings.Contains(s.Error.Message, field) {
			t.Errorf("%+v: %+v", p, s.Error)
		}
	}
	get[protocol.EnrollResult](r, protocol.MethodEnroll, protocol.EnrollParams{Ticket: ticket, Issuer: strings.Repeat("x", account.MaxTextBytes)})
}

func TestAnAccountWithoutItsPIN(t *testing.T) {
	r := newRig(t)
	here := page(example)
	ticket := read(r, "motp://Work:dave?secret=0123456789abcdef").Offers[0].Ticket
	a := get[protocol.EnrollResult](r, protocol.MethodEnroll, protocol.EnrollParams{Ticket: ticket, Context: &here}).Account
	s := r.call(protocol.MethodCode, fill(a.Handle, here))
	if s.Error == nil || !strings.Contains(s.Error.Hint, "--pin-file") {
		t.Errorf("its code: %+v %s", s.Error, s.Result)
	}
}

func TestATicketIsGoodForTenMinutesOnce(t *testing.T) {
	r := newRig(t)
	r.clock = time.Unix(1e9, 0)
	ticket := read(r, carolURI).Offers[0].Ticket
	for _, wrong := range []string{"", "x", ticket + "x", strings.ToLower(ticket)} {
		r.fails(protocol.MethodEnroll, protocol.EnrollParams{Ticket: wrong}, protocol.ErrTicket)
	}
	held := r.host.session.tickets[0].of.Secret
	r.clock = r.clock.Add(10 * time.Minute)
	r.fails(protocol.MethodEnroll, protocol.EnrollParams{Ticket: ticket}, protocol.ErrTicket)
	if !held.IsZero() {
		t.Error("the secret is held after its time")
	}
	ticket = read(r, carolURI).Offers[0].Ticket
	r.clock = r.clock.Add(10*time.Minute - time.Second)
	get[protocol.EnrollResult](r, protocol.MethodEnroll, protocol.EnrollParams{Ticket: ticket})
	r.fails(protocol.MethodEnroll, protocol.EnrollParams{Ticket: ticket}, protocol.ErrTicket)
}

func TestTicketsGoWithTheLock(t *testing.T) {
	r := newRig(t)
	ticket := read(r, carolURI).Offers[0].Ticket
	held := r.host.session.tickets[0].of.Secret
	get[protocol.VaultResult](r, protocol.MethodLock, nil)
	if !held.IsZero() {
		t.Error("the secret is held behind the lock")
	}
	r.answers <- answer{passphrase, nil}
	get[protocol.VaultResult](r, protocol.MethodUnlock, nil)
	r.fails(protocol.MethodEnroll, protocol.EnrollParams{Ticket: ticket}, protocol.ErrTicket)
	ticket = read(r, carolURI).Offers[0].Ticket
	r.start() // another host
	r.fails(protocol.MethodEnroll, protocol.EnrollParams{Ticket: ticket}, protocol.ErrTicket)
}

func TestTheOldestTicketsMakeRoom(t *testing.T) {
	s := newSession()
	var ids []string
	for range mostTickets + 3 {
		ids = append(ids, s.offer(carol(), time.Unix(0, 0)))
	}
	if len(s.tickets) != mostTickets {
		t.Errorf("%d tickets", len(s.tickets))
	}
	for i, id := range ids {
		if _, ok := s.offered(id, time.Unix(1, 0)); ok != (i >= 3) {
			t.Errorf("ticket %d: %v", i, ok)
		}
	}
}

// FuzzReadAccounts: what is read can be kept, and no error quotes a key.
func FuzzReadAccounts(f *testing.F) {
	for _, seed := range []string{carolURI, rfcURI, phone, migration, carolKey, "jbsw y3dp", "", "#", "steam://" + carolKey, carolURI + "\n" + rfcURI} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := readAccounts(text)
		for _, a := range r.Accounts {
			if err := a.Validate(); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
		if len(r.Accounts) == 0 && r.Others > 0 && err == nil || r.Others < 0 {
			t.Errorf("%q: %d others without a reason", text, r.Others)
		}
		if p := lacking(r.Parts); p != nil && (len(p.Read) == 0 || len(p.Read) >= p.Size || slices.Max(p.Read) > p.Size) {
			t.Errorf("%q: %+v", text, p)
		}
		if len(r.Accounts) == 0 {
			if e := errorFor(notOTP(err)); e.Message == "" || e.Hint == "" || strings.Contains(e.Message, carolKey) {
				t.Errorf("%q: %+v", text, e)
			}
		}
	})
}

// FuzzPictureRequest: what may be large is a qr.read, whichever way it goes on.
func FuzzPictureRequest(f *testing.F) {
	for _, seed := range []string{
		`{"id":1,"method":"qr.read",`, `{"id":4294967295,"method":"qr.read","params":{"picture":"`, `{"id":,"method":"qr.read",`,
		`{"method":"qr.read",`, ` {"id":1,"method":"qr.read",`, `{"id":12345678901,"method":"qr.read",`, `{"id":1,"method":"qr.reader",`, `{"id":1, "method":"qr.read",`,
		`{"id":1,"method":"code.release",`, `{"id":1,"method":"qrxread",`, "\n" + `{"id":1,"method":"qr.read",`, `{"id":-1,"method":"qr.read",`, `{"id":1e1,"method":"qr.read",`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, start []byte) {
		var rest []byte // as it is told without a pattern
		digits := 0
		if after, ok := bytes.CutPrefix(start, []byte(`{"id":`)); ok {
			rest = bytes.TrimLeft(after, "0123456789")
			digits = len(after) - len(rest)
		}
		want := digits >= 1 && digits <= 10 && bytes.HasPrefix(rest, []byte(`,"method":"qr.read",`))
		if got := isPicture(start); got != want {
			t.Errorf("%q: %v, want %v", start, got, want)
		}
	})
}

// Any other method is refused at its length, as before; a picture goes as far as its own cap.
func TestOnlyAPictureMayBeLarge(t *testing.T) {
	pad := func(message string, n int) string { return message + strings.Repeat(" ", n-len(message)) }
	r := newRig(t)
	b, err := json.Marshal(r.picture(carolURI))
	r.check(err)
	read := fmt.Sprintf(`{"id":1,"method":"qr.read","params":%s}`, b)
	for _, tt := range []struct {
		name, message string
		want          string
	}{
		{"a picture", pad(read, protocol.MaxPicture), "no error no error"},
		{"a picture over its cap", pad(read, protocol.MaxPicture+1), "too_large"},
		{"a small one", read, "no error no error"},
		{"a large text", pad(`{"id":1,"method":"uri.read","params":{"text":"`+carolURI+`"}}`, protocol.MaxRequest+1), "too_large"},
		{"the method after its parameters", pad(fmt.Sprintf(`{"id":1,"params":%s,"method":"qr.read"}`, b), protocol.MaxRequest+1), "too_large"},
		{"blanks before", pad(" "+read, protocol.MaxRequest+1), "too_large"},
		{"another method behind it", pad(`{"id":1,"method":"qr.read","method":"vault.lock"}`, protocol.MaxRequest+1), "bad_request no error"},
		{"other parameters", pad(`{"id":1,"method":"qr.read","params":{"handle":"x"}}`, protocol.MaxRequest+1), "bad_request no error"},
	} {
		r := newRig(t)
		go func() { r.ask.Write([]byte(tt.message)); r.ask.Write([]byte(`{"id":2,"method":"host.hello"}`)) }()
		got := string(r.next().code())
		if got != "too_large" {
			got += " " + string(r.next().code())
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
