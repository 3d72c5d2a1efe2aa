package host

import (
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"

	"codefob/internal/protocol"
)

// asStrictly tells whether a message is plain, and makes sure that it is then read
// as the strict way reads it.
func asStrictly(t *testing.T, message string) bool {
	got, isPlain := readPlain([]byte(message))
	var strict request
	if !isPlain {
		if !reflect.DeepEqual(got, strict) {
			t.Errorf("%q is not plain, and left %+v", message, got)
		}
		return false
	}
	err := decode([]byte(message), &strict.Request)
	if strict.Method == protocol.MethodCode && len(strict.Params) > 0 && err == nil {
		strict.release = new(protocol.ReleaseParams)
		err = decode(strict.Params, strict.release)
		strict.Params = nil
	}
	if err != nil || !reflect.DeepEqual(got, strict) {
		t.Errorf("%q: read plainly %+v %+v, strictly %+v %+v, %v", message, got.Request, got.release, strict.Request, strict.release, err)
	}
	return true
}

// plainRequests as Firefox writes them, then as Chromium does, which sorts the members.
var plainRequests = []string{
	`{"id":7,"method":"code.release","params":{"handle":"h","context":{"origin":"https://example.com","ancestors":["https://a.example","https://b.example"],"tab":1,"frame":0,"document":"d","private":true},"nonce":"0123456789abcdef","purpose":"fill"}}`,
	`{"id":7,"method":"accounts.match","params":{"context":{"origin":"https://example.com","tab":1,"frame":0,"document":"d"}}}`,
	`{"id":4294967295,"method":"code.release","params":{"context":{"document":"d","frame":0,"origin":"https://example.com","private":false,"tab":999999999999999},"handle":"h","nonce":"n","purpose":"show"}}`,
	`{"id":0,"method":"vault.lock"}`,
	`{"method":"code.release"}`,
}

func TestPlainRequestsAreReadAsStrictly(t *testing.T) {
	bits := []string{"", "\x00", " ", `"`, `\`, "\x7f", "\xff", "é", "0", "9", "-", ".", "e", ",", ":", "{", "}", "[", "]", "null", "true", `"id":1,`, `"tab":1,`}
	for _, message := range plainRequests {
		if !asStrictly(t, message) {
			t.Errorf("%q is not plain", message)
		}
		for i := range message { // whatever is cut off, put in or changed
			asStrictly(t, message[:i])
			for _, bit := range bits {
				asStrictly(t, message[:i]+bit+message[i:])
				asStrictly(t, message[:i]+bit+message[i+1:])
			}
		}
	}
}

func TestWhatIsNotPlainIsLeftToTheStrictWay(t *testing.T) {
	for _, message := range []string{
		``, `{}`, `[]`, `null`, ` {"id":7}`, `{"id":7} `, `{"id":7}{}`, `{"id":7,}`, `{"id":7,"id":7}`, `{"ID":7}`, `{"id":07}`, `{"id":-7}`,
		`{"id":7.0}`, `{"id":7e0}`, `{"id":4294967296}`, `{"id":null}`, `{"method":"\u0061"}`, `{"method":"é"}`, `{"method":"` + "\n" + `"}`,
		`{"params":{}}`, `{"params":{"nonce":"a","nonce":"b"}}`, `{"params":{"more":"a"}}`, `{"params":{"nonce":"a","more":"b"}}`,
		`{"params":{"context":{"tab":1,"tab":1}}}`, `{"params":{"context":{"ancestors":[]}}}`, `{"params":{"context":{"ancestors":["a",]}}}`,
		`{"params":{"context":{"private":null}}}`, `{"params":{"context":{"tab":9223372036854775808}}}`, `{"method":"a`,
	} {
		if asStrictly(t, message) {
			t.Errorf("%s is plain", message)
		}
	}
}

func TestACodeIsWrittenAsAnyReply(t *testing.T) {
	for _, r := range []protocol.ReleaseResult{
		{}, {Code: "01234567"}, {Code: "2BCDF", ValidFrom: 1795345260000, ExpiresAt: 1795345290000, Asked: true},
	} {
		reply := protocol.Reply{ID: 4294967295, Result: r}
		got, err := encode(reply)
		if want, _ := json.Marshal(reply); err != nil || string(got) != string(want) {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}

func FuzzReadPlain(f *testing.F) {
	for _, seed := range plainRequests {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) { asStrictly(t, message) })
}
