package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"codefob/internal/directory"
)

const publishedList = `[["Able", {"domain": "able.com", "tfa": ["totp"]}]]`

// publishing serves over https on loopback.
func publishing(t *testing.T) (*httptest.Server, http.RoundTripper) {
	t.Helper()
	other := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	release := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/v3/tfa.json", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.UserAgent() != "codefob/"+version || r.Header.Get("Cookie") != "" {
			t.Errorf("it was asked with %s %q", r.Method, r.UserAgent())
		}
		w.Write([]byte(publishedList))
	})
	mux.Handle("/moved", http.RedirectHandler("/v3/tfa.json", http.StatusMovedPermanently))
	mux.Handle("/elsewhere", http.RedirectHandler(other.URL+"/v3/tfa.json", http.StatusFound))
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	mux.HandleFunc("/plain", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+r.Host+"/v3/tfa.json", http.StatusFound)
	})
	mux.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) {
		w.Write(bytes.Repeat([]byte(" "), directory.MaxBytes+1))
	})
	mux.HandleFunc("/silent", func(w http.ResponseWriter, r *http.Request) { <-release })
	s := httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	return s, s.Client().Transport
}

func TestFetch(t *testing.T) {
	s, way := publishing(t)
	for _, tt := range []struct{ path, want string }{
		{"/v3/tfa.json", ""},
		{"/moved", ""},
		{"/elsewhere", "which is not followed"},
		{"/plain", "which is not followed"},
		{"/loop", "which is not followed"},
		{"/missing", "answers 404 Not Found"},
		{"/big", "is larger than 8 MiB"},
		{"/silent", "deadline exceeded"},
	} {
		ctx := t.Context()
		if tt.path == "/silent" {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
		}
		content, err := fetch(ctx, way, s.URL+tt.path)
		if tt.want == "" {
			if err != nil || string(content) != publishedList {
				t.Errorf("%s: %q, %v", tt.path, content, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.path, err, tt.want)
		}
	}
	if _, err := fetch(t.Context(), way, "http"+strings.TrimPrefix(s.URL, "https")+"/v3/tfa.json"); err == nil || !strings.Contains(err.Error(), "is not https") {
		t.Errorf("http: %v", err)
	}
	if _, err := fetch(t.Context(), nil, s.URL+"/v3/tfa.json"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown certificate: %v", err)
	}
}

func TestAnUpdateFetchesThePublishedList(t *testing.T) {
	s, way := publishing(t)
	was := published
	t.Cleanup(func() { published = was })
	published.address, published.way = s.URL+"/v3/tfa.json", way
	var out, said bytes.Buffer
	home := t.TempDir()
	c := &cli{ctx: t.Context(), ui: &ui{out: &out, err: &said}, home: home}
	if err := c.run([]string{"directory", "update"}); err != nil {
		t.Fatal(err)
	}
	if out.String() != "added    able.com (Able): totp\n" || !strings.Contains(said.String(), "asking "+published.address) {
		t.Errorf("%s%s", &out, &said)
	}
	if s, ok := directory.Open(home).At("www.able.com"); !ok || s.Name != "Able" {
		t.Errorf("%+v", s)
	}
	published.address = s.URL + "/missing"
	if err := c.run([]string{"directory", "update"}); err == nil || !strings.Contains(hintFor(err), "with a browser") {
		t.Errorf("%v, hint %q", err, hintFor(err))
	}
	if _, err := os.Stat(directory.FileName(home)); err != nil {
		t.Error(err)
	}
}
