package wire

import (
	"bytes"
	"crypto/ed25519"
	"reflect"
	"strings"
	"testing"
)

func ptr(n uint64) *uint64 { return &n }

var frames = []Frame{
	Challenge{1, [32]byte{1, 31: 32}},
	Hello{1, Lasting, [32]byte{2}, [64]byte{3}, Position{[8]byte{4}, 5}, "relay.example"},
	Welcome{Position{[8]byte{6}, 7}, 8},
	Record{10, 9, []byte("data")},
	Ack{11, 12},
	&Error{13, CodeConflict, 14, "another was first"},
	Append{15, nil, []byte("x")},
	Append{16, ptr(0), bytes.Repeat([]byte{1}, MaxRecord)},
	Append{17, ptr(18), []byte{0}},
}

func TestFramesComeBackAsTheyWere(t *testing.T) {
	for _, want := range frames {
		b := Encode(want)
		got, err := Decode(b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%T came back as %v, %v", want, got, err)
		}
		for i := range min(len(b), 300) {
			if f, err := Decode(b[:i]); err == nil && !bytes.Equal(Encode(f), b[:i]) {
				t.Errorf("%T, cut at %d, is %v", want, i, f)
			}
		}
	}
}

func TestWhatIsNoFrame(t *testing.T) {
	long := strings.Repeat("h", 256)
	for name, b := range map[string][]byte{
		"nothing":              {},
		"a type that is none":  {99},
		"a challenge too long": append(Encode(frames[0]), 0),
		"a kind that is none":  Encode(Hello{Kind: 3}),
		"a host too long":      Encode(Hello{Kind: Lasting, Host: long}),
		"a host with a line":   Encode(Hello{Kind: Lasting, Host: "a\nb"}),
		"no record":            Encode(Record{2, 1, nil}),
		"a record too large":   Encode(Record{2, 1, make([]byte, MaxRecord+1)}),
		"a record before":      Encode(Record{2, 2, []byte("x")}),
		"a request 0":          Encode(Append{0, nil, []byte("x")}),
		"a flag that is none":  {isAppend, 0, 0, 0, 1, 2, 'x'},
		"a code 0":             Encode(&Error{1, 0, 0, ""}),
		"a text for terminals": Encode(&Error{1, CodeFull, 0, "\x1b[2J"}),
		"a text turned round":  Encode(&Error{1, CodeFull, 0, "\u202eabc"}),
		"a text with C1":       Encode(&Error{1, CodeFull, 0, "\u009b2J"}),
		"an enormous frame":    make([]byte, MaxFrame+1),
	} {
		if f, err := Decode(b); err == nil {
			t.Errorf("%s is %v", name, f)
		}
	}
}

func TestASignatureIsGoodForOneChallengeHostAndKind(t *testing.T) {
	_, key, _ := ed25519.GenerateKey(nil)
	nonce := [32]byte{1}
	h := Sign(key, Lasting, nonce, "relay.example", Position{})
	if !h.Verify(nonce) {
		t.Fatal("it does not verify")
	}
	host, kind, name := h, h, h
	host.Host, kind.Kind, name.Key[0] = "other.example", Mailbox, name.Key[0]^1
	if h.Verify([32]byte{2}) || host.Verify(nonce) || kind.Verify(nonce) || name.Verify(nonce) {
		t.Error("it verifies for another challenge, host, kind or key")
	}
}

func TestAddressesOfRelays(t *testing.T) {
	for text, want := range map[string]string{
		"wss://relay.example":     "",
		"wss://Relay.Example:1/x": "",
		"ws://localhost:7480":     "",
		"ws://127.0.0.1:7480":     "",
		"ws://[::1]:7480":         "",
		"ws://relay.example":      "use wss://",
		"ws://localhost.example":  "use wss://",
		"https://relay.example":   "begins with wss://",
		"relay.example":           "goes wss://HOST",
		"wss://":                  "goes wss://HOST",
		"wss://a:b@relay.example": "goes wss://HOST",
		"wss://relay.example?x":   "goes wss://HOST",
		"wss://relay.example/%zz": "goes wss://HOST",
	} {
		_, err := ParseURL(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// FuzzDecode: what is read is written the same.
func FuzzDecode(f *testing.F) {
	for _, frame := range frames {
		f.Add(Encode(frame))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := Decode(b)
		if err == nil && !bytes.Equal(Encode(frame), b) {
			t.Errorf("%x was read as %v, which is %x", b, frame, Encode(frame))
		}
	})
}
