//go:build !race

package main

import (
	"context"
	"io"
	"net"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/sirupsen/logrus"

	"codefob/internal/relay"
)

// The race detector, which runs no transcripts, is not to build all of NATS for them.
func init() { relayCommand = startRelay }

func startRelay(ts *testscript.TestScript, _ bool, _ []string) {
	config := relay.Default
	config.Hosts, config.Folder, config.Partitions, config.Log = []string{"127.0.0.1"}, ts.MkAbs("relay"), 1, logrus.New()
	config.Log.SetOutput(io.Discard)
	r, err := relay.New(context.Background(), config)
	ts.Check(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	go r.Serve(l)
	ts.Defer(func() { r.Stop(0) })
	ts.Setenv("RELAY", "ws://"+l.Addr().String())
}
