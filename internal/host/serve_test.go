package host

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"codefob/internal/account"
	"codefob/internal/nativemsg"
	"codefob/internal/protocol"
	"codefob/internal/vault"
)

func TestRequestsAreReadStrictly(t *testing.T) {
	r := newRig(t, totp("Example", "alice", example))
	const bad, unknown, fine = protocol.ErrBadRequest, protocol.ErrUnknownMethod, protocol.ErrorCode("no error")
	deep := strings.Repeat("[", 25_000) + strings.Repeat("]", 25_000)
	tests := []struct {
		message string
		id      uint32 // 0 where it cannot be read
		want    protocol.ErrorCode
	}{
		{`{"id":7,"method":"host.hello","params":{"client":"c","version":"v"}}`, 7, fine},
		{` {"id":7 , "method":"host.hello"} `, 7, fine},
		{`{"id":4294967295,"method":"host.hello","params":{}}`, 4294967295, fine},
		{``, 0, bad},
		{`x`, 0, bad},
		{`{`, 0, bad},
		{`[]`, 0, bad},
		{`"host.hello"`, 0, bad},
		{`null`, 0, bad},
		{`{"id":7,"method":"host.hello"}{}`, 0, bad},
		{`{"id":7,"method":"host.hello"},`, 0, bad},
		{`{"id":7,"id":8,"method":"host.hello"}`, 0, bad},
		{`{"id":7,"method":"host.hello","method":"vault.lock"}`, 0, bad},
		{`{"id":7,"method":"host.hello","more":1}`, 0, bad},
		{`{"ID":7,"method":"host.hello"}`, 0, bad},
		{`{"id":-1,"method":"host.hello"}`, 0, bad},
		{`{"id":4294967296,"method":"host.hello"}`, 0, bad},
		{`{"id":1.5,"method":"host.hello"}`, 0, bad},
		{`{"id":1e999,"method":"host.hello"}`, 0, bad},
		{`{"id":NaN,"method":"host.hello"}`, 0, bad},
		{`{"id":"7","method":"host.hello"}`, 0, bad},
		{`{"id":null,"method":"host.hello"}`, 0, bad},
		{`{"id":7,"method":null}`, 0, bad},
		{`{"id":7,"method":7}`, 0, bad},
		{`{"id":7,"method":"host.hello","params":null}`, 0, bad},
		{`{"id":7,"method":"host.hello","params":[]}`, 7, bad},
		{`{"id":7,"method":"host.hello","params":""}`, 7, bad},
		{`{"id":7,"method":"host.hello","params":{"client":"c","client":"d"}}`, 0, bad},
		{`{"id":7,"method":"host.hello","params":{"client":"\ud800"}}`, 0, bad},
		{"{\"id\":7,\"method\":\"host.hello\",\"params\":{\"client\":\"\xff\"}}", 0, bad},
		{"\ufeff" + `{"id":7,"method":"host.hello"}`, 0, bad},
		{`{"id":7,"method":"host.hello","params":{"client":7}}`, 7, bad},
		{`{"id":7,"method":"host.hello","params":{"client":null}}`, 0, bad},
		{`{"id":7,"method":"host.hello","params":{"path":"/etc/passwd"}}`, 7, bad},
		{`{"id":7,"method":"host.hello","params":` + deep + `}`, 0, bad},
		{`{"id":7,"method":"vault.lock","params":{"x":1}}`, 7, bad},
		{`{"id":7,"method":"vault.unlock","params":{"passphrase":"` + passphrase + `"}}`, 7, bad}, // U1
		{`{"id":7,"method":"vault.unlock","passphrase":"` + passphrase + `"}`, 0, bad},
		{`{"id":7,"method":"vault.unlock","params":"` + passphrase + `"}`, 7, bad},
		{`{"id":7,"method":"accounts.match"}`, 7, bad},
		{`{"id":7,"method":"accounts.match","params":{"context":null}}`, 0, bad},
		{`{"id":7,"method":"accounts.match","params":{"context":{"origin":"https://example.com","document":"d","tab":1e999,"frame":0}}}`, 7, bad},
		{`{"id":7,"method":"accounts.match","params":{"context":{"origin":"https://example.com","document":"d","tab":1,"frame":0,"url":"x"}}}`, 7, bad},
		{`{"id":7,"method":"accounts.match","params":{"context":{"origin":["https://example.com"],"document":"d","tab":1,"frame":0}}}`, 7, bad},
		{`{"id":7,"method":"accounts.match","params":{"context":{"origin":"null","document":"d","tab":1,"frame":0}}}`, 7, protocol.ErrOrigin},
		{`{"id":7,"method":"accounts.search","params":{"query":"","limit":"1"}}`, 7, bad},
		{`{"id":7,"method":"accounts.search","params":{"query":"","limit":NaN}}`, 0, bad},
		{`{"id":7,"method":"accounts.search","params":{"query":"","limit":1e999}}`, 7, bad},
		{`{"id":7,"method":"accounts.search","params":{"query":null,"limit":1}}`, 0, bad},
		{`{"id":7,"method":"accounts.search","params":{"query":"","limit":1,"limit":2}}`, 0, bad},
		{`{"id":7,"method":"code.release"}`, 7, bad},
		{`{"id":7,"method":"site.allow","params":{}}`, 7, bad},
		{`{"id":7,"method":"site.marks"}`, 7, bad},
		{`{"id":7,"method":"site.mark","params":{"context":{"origin":"https://example.com","document":"d","tab":1,"frame":0},"field":7,"as":"totp"}}`, 7, bad},
		{`{"id":7,"method":"site.mark","params":{"context":{"origin":"https://example.com","document":"d","tab":1,"frame":0},"field":"f","as":"totp","more":1}}`, 7, bad},
		{`{"id":7,"method":"service.facts","params":{}}`, 7, bad},
		{`{"id":7,"method":"service.remind","params":{"context":{"origin":"https://example.com","document":"d","tab":1,"frame":0}}}`, 7, bad},
		{`{"id":7,"method":"services.list","params":{"all":true}}`, 7, bad},
		{`{"id":7,"method":"services.list"}`, 7, fine},
		{`{"id":7,"method":"recovery.next"}`, 7, bad},
		{`{"id":7,"method":"recovery.save"}`, 7, bad},
		{`{"id":7,"method":"recovery.save","params":{"handle":"h","codes":"abcd-1234"}}`, 7, bad},
		{`{"id":7,"method":"qr.read","params":{"picture":"*"}}`, 7, bad},
		{`{"id":7,"method":"qr.read","params":{"picture":"aGVsbG8"}}`, 7, bad}, // without its padding
		{`{"id":7,"method":"qr.read","params":{"picture":"aGVsbG8=","path":"/tmp/x"}}`, 7, bad},
		{`{"id":7,"method":"qr.read","params":{"picture":"aGVsbG8="}}`, 7, protocol.ErrPicture},
		{`{"id":7,"method":"qr.read","params":{"picture":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}}`, 0, bad},
		{`{"id":7,"method":"qr.read","params":{"picture":` + strings.Repeat(`{"a":`, 100_000) + `0` + strings.Repeat("}", 100_000) + `}}`, 0, bad},
		{`{"id":7,"method":"uri.read","params":{"text":7}}`, 7, bad},
		{`{"id":7,"method":"account.enroll","params":{"uri":"otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ"}}`, 7, bad},
		{`{"id":7,"method":"accounts.list","params":{"query":"","offset":-1,"limit":1}}`, 7, bad},
		{`{"id":7,"method":"accounts.list","params":{"query":"","offset":0,"limit":51}}`, 7, bad},
		{`{"id":7,"method":"accounts.list","params":{"query":"","offset":9223372036854775807,"limit":50}}`, 7, fine},
		{`{"id":7,"method":"account.edit","params":{"handle":"h","issuer":"x"}}`, 7, bad},
		{`{"id":7,"method":"account.remove"}`, 7, protocol.ErrHandle},
		{`{"id":7,"method":"account.restore","params":{"handle":"h"}}`, 7, protocol.ErrHandle},
		{`{"id":7,"method":""}`, 7, unknown},
		{`{"method":"Host.hello"}`, 0, unknown},
		{`{"id":7,"method":"host.hello "}`, 7, unknown},
		{`{"id":7,"method":"vault.export","params":{"path":"/tmp/x"}}`, 7, unknown},
		{`{"id":7,"method":"secrets.list"}`, 7, unknown}, // N12, with the one above and those below
		{`{"id":7,"method":"accounts.export","params":{"format":"uri"}}`, 7, unknown},
		{`{"id":7,"method":"path.set","params":{"path":"/tmp/x"}}`, 7, unknown},
		{`{"id":7,"method":"run","params":{"command":"/bin/sh"}}`, 7, unknown},
		{`{"id":7,"method":"config.set","params":{"pinentry":"/bin/sh"}}`, 7, unknown},
	}
	for _, tt := range tests {
		for range 2 { // the same way every time
			s := r.raw(tt.message)
			if s.code() != tt.want || s.ID != tt.id {
				t.Errorf("%.120q: %d %s, want %d %s", tt.message, s.ID, s.code(), tt.id, tt.want)
			}
		}
	}
	if got := r.hello(); got.Vault != protocol.VaultOpen {
		t.Errorf("after all of them: %+v", got)
	}
	counted, want := 0, 0
	for _, line := range r.log {
		if strings.HasPrefix(line, string(unknown)) {
			counted++
		}
	}
	for _, tt := range tests {
		if tt.want == unknown {
			want += 2
		}
	}
	if counted != want || want < 16 {
		t.Errorf("the log counts %d requests outside of the closed set, want %d", counted, want)
	}
}

func TestEveryMethodIsServed(t *testing.T) {
	r := newRig(t)
	for _, m := range protocol.Methods {
		if got := r.call(m, nil).code(); got == protocol.ErrUnknownMethod {
			t.Errorf("%s is not served", m)
		}
	}
}

// Each error code has its own test; this one holds the set of them closed.
func TestEveryErrorSaysWhatToDo(t *testing.T) {
	for _, a := range answers {
		e := errorFor(a.err)
		if e.Code != a.reply.Code || e.Message == "" || e.Hint == "" {
			t.Errorf("%v: %+v", a.err, e)
		}
	}
	secret := errors.New("what no reply may quote")
	if e := errorFor(secret); e.Code != protocol.ErrInternal || strings.Contains(e.Message+e.Hint, "quote") {
		t.Errorf("an error that nobody foresaw: %+v", e)
	}
}

func TestTheLogHoldsNoBodies(t *testing.T) {
	r := newRig(t, totp("CANARY issuer", "CANARY name", "https://canary.example"))
	handle := r.handle("canary")
	p := fill(handle, page("https://canary.example"))
	released := get[protocol.ReleaseResult](r, protocol.MethodCode, p)
	r.call(protocol.MethodCode, p)
	r.raw(`{"id":1,"canary":1}`)
	r.raw(`{"id":1,"method":"canary"}`)
	r.raw(`{"id":1,"method":"host.hello","params":{"canary":1}}`)
	r.call(protocol.MethodMatch, protocol.MatchParams{Context: page("http://canary.example")})
	for _, text := range []string{"canary", "CANARY", handle, released.Code, p.Nonce} {
		if r.logged(text) {
			t.Errorf("the log holds %q: %q", text, r.log)
		}
	}
	if !r.logged("bad request") {
		t.Error("the log holds nothing")
	}
}

func TestHowALineEnds(t *testing.T) {
	length := func(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }
	hello := `{"id":1,"method":"host.hello"}`
	for _, tt := range []struct {
		name    string
		stream  []byte
		want    error
		replies string // their codes
	}{
		{"at once", nil, nil, ""},
		{"after a request", frames(hello), nil, "no error"},
		{"after requests that are not valid", frames("", "{}x", hello), nil, "bad_request bad_request no error"},
		{"within a length", []byte{1, 0}, io.ErrUnexpectedEOF, ""},
		{"within a request", append(frames(hello), frames(hello)[:20]...), io.ErrUnexpectedEOF, "no error"},
		{"too large", append(frames(hello), length(protocol.MaxRequest+1)...), nativemsg.ErrTooLarge, "no error too_large"},
		{"far too large", length(1<<32 - 1), nativemsg.ErrTooLarge, "too_large"},
	} {
		for how, wrap := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader,
		} {
			r := newRig(t)
			var out bytes.Buffer
			err := r.host.Serve(NewReader(wrap(bytes.NewReader(tt.stream))), nativemsg.NewWriter(&out, protocol.MaxReply))
			if !errors.Is(err, tt.want) || err != nil && tt.want == nil {
				t.Errorf("%s, %s: %v, want %v", tt.name, how, err, tt.want)
			}
			var codes []string
			for _, s := range readReplies(t, &out) {
				codes = append(codes, string(s.code()))
			}
			if got := strings.Join(codes, " "); got != tt.replies {
				t.Errorf("%s, %s: replies %s, want %s", tt.name, how, got, tt.replies)
			}
		}
	}
}

// N7: a defect is answered in a frame, ends the host at once, and tells nobody what it says.
func TestADefectIsAnsweredAndEndsTheLine(t *testing.T) {
	for _, method := range []protocol.Method{protocol.MethodMatch, protocol.MethodQR} { // the latter beside the others
		r := newRig(t)
		r.host.readQR = func([]byte) ([]string, error) { panic("canary") }
		if method == protocol.MethodMatch {
			r.host.Open = func() (*vault.Vault, error) { panic("canary") }
		}
		s := r.raw(`{"id":7,"method":"` + string(method) + `","params":` + map[protocol.Method]string{
			protocol.MethodMatch: `{"context":{"origin":"https://example.com","tab":1,"frame":0,"document":"d"}}`,
			protocol.MethodQR:    `{"picture":"aGVsbG8="}`,
		}[method] + `}`)
		if s.ID != 7 || s.code() != protocol.ErrInternal || s.Error.Hint == "" {
			t.Errorf("%s: %d %+v", method, s.ID, s.Error)
		}
		_, more := r.hear.Read()
		err := r.end()
		if more != io.EOF || !errors.Is(err, ErrPanic) || !strings.Contains(err.Error(), "serve_test.go:") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: then %v, and Serve: %v", method, more, err)
		}
	}
}

func TestAWriteThatFailsEndsTheLine(t *testing.T) {
	r := newRig(t)
	err := r.host.Serve(NewReader(bytes.NewReader(frames(`{"id":1,"method":"host.hello"}`))),
		nativemsg.NewWriter(brokenPipe{}, protocol.MaxReply))
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Serve: %v", err)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func frames(messages ...string) (stream []byte) {
	for _, m := range messages {
		stream = append(binary.NativeEndian.AppendUint32(stream, uint32(len(m))), m...)
	}
	return stream
}

func readReplies(t testing.TB, stream io.Reader) (replies []said) {
	r := nativemsg.NewReader(stream, protocol.MaxReply)
	for {
		b, err := r.Read()
		if err == io.EOF {
			return replies
		}
		var s said
		if err == nil {
			err = json.Unmarshal(b, &s)
		}
		if err != nil || (s.Error == nil) == (s.Result == nil) {
			t.Fatalf("reply %q: %v", b, err)
		}
		replies = append(replies, s)
	}
}

// requests are valid, one of each method at least, of the account and the ticket "known".
var requests = []string{
	`{"id":1,"method":"host.hello","params":{"client":"c","version":"1"}}`,
	`{"id":2,"method":"vault.lock"}`, `{"id":2,"method":"vault.unlock"}`,
	`{"id":3,"method":"accounts.search","params":{"query":"","limit":50}}`,
	`{"id":3,"method":"accounts.search","params":{"query":"x","limit":1,"context":{"origin":"null","tab":1,"frame":0,"document":"d"}}}`,
	`{"id":4,"method":"accounts.match","params":{"context":{"origin":"https://example.com","ancestors":["https://a.example.com"],"tab":1,"frame":0,"document":"d"}}}`,
	`{"id":5,"method":"code.release","params":{"handle":"known","nonce":"0123456789abcdef","purpose":"show"}}`,
	`{"id":5,"method":"code.release","params":{"handle":"known","context":{"origin":"https://example.com","tab":1,"frame":0,"document":"d"},"nonce":"0123456789abcdef","purpose":"fill"}}`,
	`{"id":6,"method":"site.allow","params":{"handle":"known","context":{"origin":"https://evil.example","tab":1,"frame":0,"document":"d"}}}`,
	`{"id":7,"method":"site.marks","params":{"context":{"origin":"https://example.com","tab":1,"frame":0,"document":"d"}}}`,
	`{"id":7,"method":"site.mark","params":{"context":{"origin":"https://example.com","tab":1,"frame":0,"document":"d"},"field":"name=otp","as":"totp"}}`,
	`{"id":8,"method":"service.facts","params":{"context":{"origin":"https://x.com","tab":1,"frame":0,"document":"d"}}}`,
	`{"id":8,"method":"service.remind","params":{"context":{"origin":"https://x.com","tab":1,"frame":0,"document":"d"},"reminder":"wanted"}}`,
	`{"id":8,"method":"services.list"}`,
	`{"id":9,"method":"recovery.save","params":{"handle":"known","codes":["1. abcd-1234","efgh-5678"]}}`,
	`{"id":9,"method":"qr.read","params":{"picture":"aGVsbG8="}}`,
	`{"id":9,"method":"uri.read","params":{"text":"otpauth://totp/a:b?secret=GEZDGNBVGY3TQOJQ"}}`,
	`{"id":9,"method":"account.enroll","params":{"ticket":"known","issuer":"a","account":"b","context":{"origin":"https://example.com","tab":1,"frame":0,"document":"d"}}}`,
	`{"id":9,"method":"accounts.list","params":{"query":"","offset":1,"limit":50}}`,
	`{"id":9,"method":"account.edit","params":{"handle":"known","issuer":"a","account":"b","sites":["example.com"],"append":true,"submit":true,"ask":false}}`,
	`{"id":9,"method":"account.remove","params":{"handle":"known"}}`,
	`{"id":9,"method":"account.restore","params":{"handle":"known"}}`,
	`{"id":9,"method":"log.list","params":{"offset":0,"limit":100}}`,
	`{"id":9,"method":"sync.status"}`,
	`{"id":9,"method":"recovery.next","params":{"handle":"known","context":{"origin":"https://example.com","tab":1,"frame":0,"document":"d"},"nonce":"0123456789abcdef"}}`,
}

func TestOneOfEachMethodIsFuzzed(t *testing.T) {
	var methods []protocol.Method
	for _, message := range requests {
		r, err := readRequest([]byte(message))
		if err != nil {
			t.Errorf("%s: %v", message, err)
		}
		methods = append(methods, r.Method)
		f := newFuzzed(t)
		if s := f.alone(t, message); s.code() == protocol.ErrBadRequest || s.code() == protocol.ErrUnknownMethod {
			t.Errorf("%s: %s", message, s.code())
		}
	}
	for _, m := range protocol.Methods {
		if !slices.Contains(methods, m) {
			t.Errorf("%s has no request", m)
		}
	}
}

// fuzzed is a host that answers one message after the other.
type fuzzed struct {
	*rig
	id string // of the account "known"
}

func newFuzzed(t testing.TB) fuzzed {
	r := newRig(t, withRecovery(account.MaxRecoveryCodes))
	r.host.Budget = vault.Budget{PerMinute: 1 << 30, PerHour: 1 << 30}
	return fuzzed{r, r.other.Accounts()[0].ID}
}

// alone sends one message: there is exactly one framed reply, with the message's
// number or 0, no secret is in it, and no code unless the message is a release.
func (r fuzzed) alone(t *testing.T, message string) said {
	r.answers <- answer{passphrase, nil} // should it ask
	defer func() {
		select {
		case <-r.answers:
		default:
		}
		select {
		case <-r.agrees:
		default:
		}
		select {
		case <-r.asked:
		default:
		}
	}()
	r.agrees <- agreement{yes: true}
	r.host.session.handles[r.id], r.host.session.ids["known"] = "known", r.id
	r.host.session.name(releaseTo(r.id, protocol.Context{Origin: example, Document: "d"}))
	r.host.session.tickets = []ticket{{"known", carol(), r.host.Now().Add(time.Minute)}}
	var out bytes.Buffer
	err := r.host.Serve(NewReader(bytes.NewReader(frames(message))), nativemsg.NewWriter(&out, protocol.MaxReply))
	if err != nil && len(message) <= protocol.MaxRequest {
		t.Fatalf("Serve: %v", err)
	}
	replies := readReplies(t, bytes.NewReader(out.Bytes()))
	if len(replies) != 1 {
		t.Fatalf("%d replies", len(replies))
	}
	var sent protocol.Request
	json.Unmarshal([]byte(message), &sent)
	s := replies[0]
	if s.ID != 0 && s.ID != sent.ID {
		t.Errorf("reply to %d, not %d", s.ID, sent.ID)
	}
	if s.code() == protocol.ErrInternal {
		t.Errorf("a defect: %s", s.Error.Message)
	}
	if bytes.Contains(s.Result, []byte(`"code"`)) && sent.Method != protocol.MethodCode && sent.Method != protocol.MethodRecovery {
		t.Errorf("%q releases a code", sent.Method)
	}
	if bytes.Contains(out.Bytes(), []byte(rfcSecret.Base32())) {
		t.Error("the reply holds the secret")
	}
	return s
}

// FuzzServe sends arbitrary bytes.
func FuzzServe(f *testing.F) {
	for _, seed := range append([]string{``, `null`, `{}`}, requests...) {
		f.Add([]byte(seed))
	}
	r := newFuzzed(f)
	f.Fuzz(func(t *testing.T, message []byte) { r.alone(t, string(message)) })
}

// FuzzParams sends arbitrary parameters to each method.
func FuzzParams(f *testing.F) {
	for _, message := range requests {
		r, _ := readRequest([]byte(message))
		params := string(r.Params)
		if r.release != nil {
			_, params, _ = strings.Cut(strings.TrimSuffix(message, "}"), `"params":`)
		}
		f.Add(uint8(slices.Index(protocol.Methods, r.Method)), params)
	}
	r := newFuzzed(f)
	f.Fuzz(func(t *testing.T, m uint8, params string) {
		method := protocol.Methods[int(m)%len(protocol.Methods)]
		r.alone(t, fmt.Sprintf(`{"id":1,"method":%q,"params":%s}`, method, params))
	})
}
