package host

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"codefob/internal/protocol"
)

// request is one message, read.
type request struct {
	protocol.Request
	release *protocol.ReleaseParams // those of a code.release, where they were read already
}

// readRequest reads a message, strictly.
func readRequest(message []byte) (r request, err error) {
	if len(message) <= protocol.MaxRequest { // a picture is not copied to see that
		if r, isPlain := readPlain(message); isPlain {
			return r, nil
		}
	}
	err = decode(message, &r.Request)
	return r, err
}

// params reads the parameters, where there are any.
func (r request) params(into any) error {
	if p, ok := into.(*protocol.ReleaseParams); ok && r.release != nil {
		*p = *r.release
		return nil
	}
	if len(r.Params) == 0 {
		return nil
	}
	return decode(r.Params, into)
}

// readPlain reads a request around a code as browsers write it: without blanks,
// escapes, empty objects and lists, and in ASCII. What it reads it reads as
// [decode] does, in a fifth of the time; all else, valid or not, it leaves to that.
func readPlain(message []byte) (r request, isPlain bool) {
	p := plain{rest: string(message)} // one copy, which all texts are parts of
	if r = p.request(); p.odd || p.rest != "" {
		return request{}, false
	}
	return r, true
}

// plain reads plain JSON. Once something is odd, nothing counts that was read.
type plain struct {
	rest string // not yet read
	odd  bool
}

func (p *plain) request() (r request) {
	var params string
	p.object(func(name string) {
		switch name {
		case "id":
			id := p.number()
			p.odd = p.odd || id > math.MaxUint32
			r.ID = uint32(id)
		case "method":
			r.Method = protocol.Method(p.text())
		case "params":
			params = p.rest
			r.release = p.releaseParams()
			params = params[:len(params)-len(p.rest)]
		default:
			p.odd = true
		}
	})
	if r.Method != protocol.MethodCode && r.release != nil { // such as match's, which are some of the same
		r.Params, r.release = []byte(params), nil
	}
	return r
}

func (p *plain) releaseParams() *protocol.ReleaseParams {
	r := new(protocol.ReleaseParams)
	p.object(func(name string) {
		switch name {
		case "handle":
			r.Handle = p.text()
		case "context":
			r.Context = p.context()
		case "nonce":
			r.Nonce = p.text()
		case "purpose":
			r.Purpose = protocol.Purpose(p.text())
		default:
			p.odd = true
		}
	})
	return r
}

func (p *plain) context() *protocol.Context {
	c := new(protocol.Context)
	p.object(func(name string) {
		switch name {
		case "origin":
			c.Origin = p.text()
		case "ancestors":
			p.odd = p.odd || !p.take("[")
			for more := true; more && !p.odd; more = p.take(",") {
				c.Ancestors = append(c.Ancestors, p.text())
			}
			p.odd = p.odd || !p.take("]")
		case "tab":
			c.Tab = p.number()
		case "frame":
			c.Frame = p.number()
		case "document":
			c.Document = p.text()
		case "private":
			c.Private = p.take("true")
			p.odd = p.odd || !c.Private && !p.take("false")
		default:
			p.odd = true
		}
	})
	return c
}

// object reads an object of one to six members, none twice. read reads the value of one.
func (p *plain) object(read func(name string)) {
	var names [6]string
	p.odd = p.odd || !p.take("{")
	for n := 0; !p.odd; n++ {
		name := p.text()
		if n == len(names) || slices.Contains(names[:n], name) || !p.take(":") {
			break
		}
		names[n] = name
		read(name)
		if !p.take(",") {
			p.odd = p.odd || !p.take("}")
			return
		}
	}
	p.odd = true
}

// text reads a string.
func (p *plain) text() string {
	if p.take(`"`) {
		for i, c := range []byte(p.rest) {
			if c == '"' {
				text := p.rest[:i]
				p.rest = p.rest[i+1:]
				return text
			}
			if c < ' ' || c == '\\' || c > '~' {
				break
			}
		}
	}
	p.odd = true
	return ""
}

// number reads a whole number of at most 15 digits. A fraction or an exponent
// stays behind, where no number goes on.
func (p *plain) number() (n int64) {
	i := 0
	for ; i < len(p.rest) && '0' <= p.rest[i] && p.rest[i] <= '9'; i++ {
		if i == 15 || i > 0 && n == 0 { // 0 stands alone
			p.odd = true
			return 0
		}
		n = 10*n + int64(p.rest[i]-'0')
	}
	p.odd = p.odd || i == 0
	p.rest = p.rest[i:]
	return n
}

func (p *plain) take(s string) bool {
	rest, found := strings.CutPrefix(p.rest, s)
	p.rest = rest
	return found
}

// encode writes a reply. Reflection would take 1.5 µs for a released code.
func encode(reply protocol.Reply) ([]byte, error) {
	r, released := reply.Result.(protocol.ReleaseResult)
	if !released {
		return json.Marshal(reply)
	}
	b := strconv.AppendUint(append(make([]byte, 0, 128), `{"id":`...), uint64(reply.ID), 10)
	b = append(append(b, `,"result":{"code":"`...), r.Code...) // letters and digits: nothing to quote
	b = strconv.AppendInt(append(b, `","validFrom":`...), r.ValidFrom, 10)
	b = strconv.AppendInt(append(b, `,"expiresAt":`...), r.ExpiresAt, 10)
	b = strconv.AppendBool(append(b, `,"asked":`...), r.Asked)
	return append(b, "}}"...), nil
}
