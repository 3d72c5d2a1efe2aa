package manifests

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

func TestTemplates(t *testing.T) {
	for _, tt := range []struct {
		name     string
		got      Manifest
		origins  []string
		addons   []string
		template []byte
	}{
		{"chromium", Chromium("/opt/codefob"), []string{"chrome-extension://nfiddnekmhabbidckdaffhidhibipplp/"}, nil, chromium},
		{"firefox", Firefox("/opt/codefob"), nil, []string{"extension@codefob"}, firefox},
	} {
		m := tt.got
		if m.Name != "codefob" || m.Type != "stdio" || m.Path != "/opt/codefob" || m.Description == "" {
			t.Errorf("%s: %+v", tt.name, m)
		}
		if !reflect.DeepEqual(m.AllowedOrigins, tt.origins) || !reflect.DeepEqual(m.AllowedExtensions, tt.addons) {
			t.Errorf("%s: allows %q and %q; want %q and %q", tt.name, m.AllowedOrigins, m.AllowedExtensions, tt.origins, tt.addons)
		}
		d := json.NewDecoder(bytes.NewReader(tt.template))
		d.DisallowUnknownFields()
		if err := d.Decode(new(Manifest)); err != nil {
			t.Errorf("%s: the template has a field that Manifest would drop: %v", tt.name, err)
		}
	}
}

func TestPathNeedsNoEscaping(t *testing.T) {
	for _, path := range []string{`/opt/with "quotes"/codefob`, `C:\Users\Ann\codefob.exe`, "/home/zoë/code\nfob"} {
		got, err := Parse(Chromium(path).JSON())
		if err != nil || got.Path != path {
			t.Errorf("Parse(Chromium(%q).JSON()).Path = %q, %v", path, got.Path, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, data := range []string{"", "{", "[]", `{"path":1}`, `{"name":"codefob"} {}`, string(make([]byte, MaxSize+1))} {
		if m, err := Parse([]byte(data)); err == nil {
			t.Errorf("Parse(%.20q) = %+v, nil; want an error", data, m)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(chromium)
	f.Add(firefox)
	f.Add([]byte(`{"allowed_origins":["a","b"],"path":"\u0000"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		if err != nil {
			return
		}
		again, err := Parse(m.JSON())
		if err != nil || again.Path != m.Path || again.Name != m.Name {
			t.Errorf("Parse(%q) does not survive JSON: %+v, %v", data, again, err)
		}
	})
}
