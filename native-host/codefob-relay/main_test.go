package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"codefob/internal/relay/wire"
)

func TestOptions(t *testing.T) {
	for line, want := range map[string]string{
		"--host relay.example":                      "",
		"--host relay.example,192.0.2.1,2001:db8::": "",
		"--listen 127.0.0.1:1":                      "",
		"--listen localhost:1":                      "",
		"--listen [::1]:1":                          "",
		"":                                          "say with --host",
		"--listen 0.0.0.0:1":                        "say with --host",
		"--host wss://relay.example":                "without wss://",
		"--host relay.example:1":                    "without a port",
		"--host a --tls-cert x":                     "go together",
		"--host a --storage 10":                     "--storage",
		"--host a --storage 10GB":                   "is not a size",
		"--host a --storage 99999999999TiB":         "is not a size",
		"--host a --stream-size -1":                 "is not a size",
		"--host a --proxy nginx":                    "is not an address or a network",
		"--host a --proxy 10.0.0.0/8,::1":           "",
		"--host a --keep -1":                        "--keep",
		"--host a --partitions 0":                   "--partitions",
		"--host a --appends 0.5":                    "1 to 1000000",
		"--host a --appends NaN":                    "1 to 1000000",
		"--host a --appends 1e6":                    "",
		"--host a --new-streams Inf":                "1 to 1000000",
		"--host a --sockets 0":                      "at least 1",
		"--host a --log-level loud":                 "--log-level",
		"--host a --what":                           "unknown flag",
		"--host a serve":                            `no "serve"`,
	} {
		_, err := parse(strings.Fields(line), io.Discard)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}

func TestHelp(t *testing.T) {
	var b strings.Builder
	if o, err := parse([]string{"--help"}, &b); o != nil || err != nil || !strings.Contains(b.String(), "usage: codefob-relay --host NAME") {
		t.Errorf("%v, %v: %s", o, err, &b)
	}
}

// issue writes a certificate that signs itself, and returns who trusts it.
func issue(t *testing.T, cert, key string, serial int64) *x509.CertPool {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost", "*.example.org"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}

// From the command line to a record that came back, by TLS, under a name of the certificate.
func TestServingWithTLS(t *testing.T) {
	folder := t.TempDir()
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	pool := issue(t, cert, key, 1)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	o, err := parse([]string{"--listen", address, "--tls-cert", cert, "--tls-key", key, "--data", filepath.Join(folder, "data"), "--partitions", "1", "--drain", "0s", "--memory", "1GiB", "--log-level", "debug"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	o.Log.SetOutput(&log)
	if !slices.Equal(o.Hosts, []string{"localhost", "127.0.0.1"}) {
		t.Errorf("the names are %q", o.Hosts)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- o.serve(ctx) }()
	_, secret, _ := ed25519.GenerateKey(nil)
	options := wire.Options{URL: "wss://" + address, Key: secret, Kind: wire.Lasting, TLS: &tls.Config{RootCAs: pool}}
	var c *wire.Conn
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if c, err = wire.Dial(t.Context(), options); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	defer c.Close()
	if _, err := c.Append(t.Context(), []byte("x")); err != nil {
		t.Error(err)
	}
	if r, err := c.Next(t.Context()); err != nil || string(r.Data) != "x" {
		t.Error(r, err)
	}
	options.TLS = nil
	if _, err := wire.Dial(t.Context(), options); err == nil {
		t.Error("a certificate that nobody vouches for was taken")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if text := strings.ReplaceAll(log.String(), address, ""); !strings.Contains(text, "ready") || strings.Contains(text, "127.0.0.1:") {
		t.Errorf("the log has an address: %s", text)
	}
	if _, err := c.Next(t.Context()); !strings.Contains(fmt.Sprint(err), "about to stop") {
		t.Errorf("the client was told %v", err)
	}
}

func TestARenewedCertificateIsReadAgain(t *testing.T) {
	folder := t.TempDir()
	c := &certificate{cert: filepath.Join(folder, "cert.pem"), key: filepath.Join(folder, "key.pem")}
	serial := func() int64 {
		t.Helper()
		c.looked = time.Time{}
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.Int64()
	}
	if _, err := c.get(nil); err == nil {
		t.Error("there is none")
	}
	issue(t, c.cert, c.key, 1)
	if n := serial(); n != 1 {
		t.Errorf("certificate %d", n)
	}
	issue(t, c.cert, c.key, 2)
	later := time.Now().Add(time.Hour)
	os.Chtimes(c.cert, later, later)
	if n := serial(); n != 2 {
		t.Errorf("certificate %d", n)
	}
	os.WriteFile(c.cert, []byte("half"), 0o600)
	if n := serial(); n != 2 {
		t.Errorf("certificate %d", n)
	}
}
