// Command codefob-relay is the server that carries sealed records between the
// computers of one person; docs/relay.md tells how to run it.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"

	"codefob/internal/relay"
)

const about = `codefob-relay carries sealed records between the computers of one person, family or company. It cannot read them.

usage: codefob-relay --host NAME [OPTIONS]

`

const examples = `
Examples:
  codefob-relay --host relay.example.org --tls-cert cert.pem --tls-key key.pem
  codefob-relay --host relay.example.org --listen 127.0.0.1:7480 --proxy 127.0.0.1     behind a web server
  codefob-relay --host relay.example.org … --nats nats://a:4222,nats://b:4222          one of several, over one JetStream
  codefob-relay --listen 127.0.0.1:7480                                                to try it on this computer

Clients then use wss://relay.example.org. docs/relay.md tells more.
`

func main() {
	err := run(os.Args[1:])
	switch {
	case err == nil:
	case errors.As(err, new(misuse)):
		fmt.Fprintf(os.Stderr, "codefob-relay: error: %s\ncodefob-relay: hint: \"codefob-relay --help\" lists the options\n", err)
		os.Exit(2)
	default:
		fmt.Fprintf(os.Stderr, "codefob-relay: error: %s\n", err)
		os.Exit(1)
	}
}

// misuse is a wrong use of the command line.
type misuse struct{ error }

func misused(format string, args ...any) error { return misuse{fmt.Errorf(format, args...)} }

// options are what the command line says beside the relay's own.
type options struct {
	relay.Config
	listen, admin string
	cert, key     string
	drain         time.Duration
}

func run(args []string) error {
	o, err := parse(args, os.Stdout)
	if err != nil || o == nil {
		return err
	}
	stopped, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return o.serve(stopped)
}

// parse reads the command line. There are no options if it only asked for help.
func parse(args []string, out io.Writer) (*options, error) {
	o := &options{Config: relay.Default}
	fs := pflag.NewFlagSet("codefob-relay", pflag.ContinueOnError)
	fs.SortFlags = false
	fs.Usage = func() { fmt.Fprint(out, about, "Options:\n", fs.FlagUsagesWrapped(110), examples) }
	fs.StringSliceVar(&o.Hosts, "host", nil, "the `NAME` that clients know the relay by; several with commas")
	fs.StringVar(&o.listen, "listen", ":7480", "take clients at this `ADDRESS`")
	fs.StringVar(&o.cert, "tls-cert", "", "the certificate, with its chain: a `FILE`, read again when it changes")
	fs.StringVar(&o.key, "tls-key", "", "the certificate's key: a `FILE`")
	fs.StringVar(&o.admin, "admin", "", "serve /metrics and /healthz at this `ADDRESS`, which only you should reach")
	proxies := fs.StringSlice("proxy", nil, "the `ADDRESSES` or networks of web servers in front, whose X-Forwarded-For is believed")

	fs.StringVar(&o.Folder, "data", folder(), "keep the records in this `FOLDER`")
	fs.StringSliceVar(&o.NATS, "nats", nil, "keep the records in the JetStream cluster at these `URLS` instead, three times")
	fs.StringVar(&o.Creds, "nats-creds", "", "the credentials for it: a `FILE`")
	fs.StringVar(&o.CA, "nats-ca", "", "the root that its certificates are checked by: a `FILE`")
	fs.IntVar(&o.Partitions, "partitions", o.Partitions, "spread the clients' streams over `N` streams of JetStream; to be set once")

	storage := fs.String("storage", "10GiB", "hold at most this `SIZE` of records")
	size := fs.String("stream-size", "64MiB", "take at most this `SIZE` of records for one stream, in its life")
	keep := fs.Int("keep", 400, "keep records for this number of `DAYS`; 0 for ever")
	fs.Float64Var(&o.Appends, "appends", o.Appends, "take this `NUMBER` of records a second for one stream, a hundred times as many at once, and five times all that from one address")
	fs.Float64Var(&o.NewStreams, "new-streams", o.NewStreams, "take this `NUMBER` of new streams an hour from one address")
	fs.IntVar(&o.Sockets, "sockets", o.Sockets, "hold at most this `NUMBER` of sockets")
	fs.IntVar(&o.SocketsPerAddress, "sockets-per-address", o.SocketsPerAddress, "hold at most this `NUMBER` of sockets of one address")
	memory := fs.String("memory", "", "try to use no more than this `SIZE` of memory")
	fs.DurationVar(&o.drain, "drain", 5*time.Second, "send clients away over this `TIME` when it is to stop")
	level := fs.String("log-level", "info", "log this `LEVEL` and above: debug, info, warning, error")
	version := fs.Bool("version", false, "print the version")

	err := fs.Parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return nil, nil
	case err != nil:
		return nil, misused("%s", err)
	case *version:
		info, _ := debug.ReadBuildInfo()
		fmt.Fprintf(out, "codefob-relay, wire version 1, %s\n", info.GoVersion)
		return nil, nil
	case fs.NArg() > 0:
		return nil, misused("it takes no %q", fs.Arg(0))
	case (o.cert == "") != (o.key == ""):
		return nil, misused("--tls-cert and --tls-key go together")
	case o.Partitions < 1 || o.Partitions > 1024:
		return nil, misused("--partitions is 1 to 1024")
	case *keep < 0 || *keep > 36500:
		return nil, misused("--keep is 0 to 36500 days")
	case !(o.Appends >= 1 && o.Appends <= 1e6), !(o.NewStreams >= 1 && o.NewStreams <= 1e6):
		return nil, misused("--appends and --new-streams are 1 to 1000000")
	case o.Sockets < 1 || o.SocketsPerAddress < 1:
		return nil, misused("--sockets and --sockets-per-address are at least 1")
	case o.drain < 0:
		return nil, misused("--drain is not negative")
	}
	o.Keep = time.Duration(*keep) * 24 * time.Hour
	if o.Storage, err = bytes("storage", *storage, 1<<20); err != nil {
		return nil, err
	}
	if o.StreamSize, err = bytes("stream-size", *size, 1<<10); err != nil {
		return nil, err
	}
	if *memory != "" {
		most, err := bytes("memory", *memory, 32<<20)
		if err != nil {
			return nil, err
		}
		debug.SetMemoryLimit(most)
	}
	for _, text := range *proxies {
		if !strings.Contains(text, "/") {
			if a, err := netip.ParseAddr(text); err == nil {
				text = netip.PrefixFrom(a, a.BitLen()).String()
			}
		}
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, misused("--proxy: %q is not an address or a network, as 192.0.2.1 or 10.0.0.0/8", text)
		}
		o.Proxies = append(o.Proxies, network)
	}
	o.Log = logrus.New() // to standard error
	o.Log.SetFormatter(&logrus.JSONFormatter{})
	l, err := logrus.ParseLevel(*level)
	if err != nil {
		return nil, misused("--log-level: %s", err)
	}
	o.Log.SetLevel(l)
	return o, o.names()
}

// names finds out what clients call the relay, if it was not said: a challenge
// that was signed for another name is refused.
func (o *options) names() error {
	for _, h := range o.Hosts {
		if h == "" || strings.ContainsAny(h, "/:* ") && net.ParseIP(h) == nil {
			return misused("--host: %q is not the name of a host; it goes without wss:// and without a port", h)
		}
	}
	if len(o.Hosts) > 0 {
		return nil
	}
	if o.cert != "" {
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return fmt.Errorf("certificate: %w", err)
		}
		leaf, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			return fmt.Errorf("certificate: %w", err)
		}
		o.Hosts = slices.DeleteFunc(leaf.DNSNames, func(n string) bool { return strings.Contains(n, "*") })
		for _, ip := range leaf.IPAddresses {
			o.Hosts = append(o.Hosts, ip.String())
		}
	} else if host, _, err := net.SplitHostPort(o.listen); err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback()) {
		o.Hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	if len(o.Hosts) == 0 {
		return misused("say with --host what name clients know the relay by: they sign it, so that no other server can act for them")
	}
	return nil
}

// serve runs the relay until the context ends.
func (o *options) serve(ctx context.Context) error {
	var config *tls.Config
	if o.cert != "" {
		c := &certificate{cert: o.cert, key: o.key}
		if _, err := c.get(nil); err != nil {
			return fmt.Errorf("certificate: %w", err)
		}
		config = &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	}
	r, err := relay.New(ctx, o.Config)
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	// Only now: who connects is to be served.
	if err = o.listenTo(r, config, failed); err == nil {
		o.Log.WithFields(logrus.Fields{"listen": o.listen, "tls": o.cert != "", "hosts": o.Hosts, "cluster": len(o.NATS) > 0}).Info("the relay is ready")
		select {
		case <-ctx.Done():
		case err = <-failed:
		}
		o.Log.Info("the relay is about to stop")
	}
	r.Stop(o.drain)
	o.Log.Info("the relay has stopped")
	return err
}

// listenTo takes clients, and those who run the relay, until it stops.
func (o *options) listenTo(r *relay.Relay, config *tls.Config, failed chan<- error) error {
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	go func() { failed <- r.Serve(l) }()
	if o.admin == "" {
		return nil
	}
	a, err := net.Listen("tcp", o.admin)
	if err != nil {
		return err
	}
	s := &http.Server{Handler: r.Admin(), ReadHeaderTimeout: 10 * time.Second}
	go func() { failed <- s.Serve(a) }()
	return nil
}

// bytes reads a size.
func bytes(flag, text string, least int64) (int64, error) {
	number, factor := text, int64(1)
	for i, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if n, ok := strings.CutSuffix(text, unit); ok {
			number, factor = n, 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > 1<<60/factor || n*factor < least {
		return 0, misused("--%s: %q is not a size, as 64MiB or 10GiB, of at least %d bytes", flag, text, least)
	}
	return n * factor, nil
}

// folder is where the records are: what systemd gives, else the person's data folder.
func folder() string {
	if state := os.Getenv("STATE_DIRECTORY"); state != "" {
		return state
	}
	if data := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "codefob-relay")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "codefob-relay"
	}
	return filepath.Join(home, ".local", "share", "codefob-relay")
}
