package relay

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"codefob/internal/relay/wire"
)

// metrics are numbers over all clients: none is of one of them.
type metrics struct {
	registry       *prometheus.Registry
	appends        *prometheus.CounterVec
	refused        *prometheus.CounterVec
	appendSeconds  prometheus.Histogram
	pushed         prometheus.Counter
	dropped        prometheus.Counter
	received, sent prometheus.Counter
}

var codeNames = map[wire.Code]string{
	wire.CodeConflict: "conflict", wire.CodeFull: "full", wire.CodeTooLarge: "too large",
	wire.CodeSlow: "slow", wire.CodeUnavailable: "unavailable",
}

func newMetrics(r *Relay) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "codefob_relay_" + name, Help: help})
	}
	gauge := func(name, help string, value func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "codefob_relay_" + name, Help: help}, func() float64 {
			r.mu.Lock()
			defer r.mu.Unlock()
			return float64(value())
		})
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		appends:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "codefob_relay_appends_total", Help: "Appends, by how they ended."}, []string{"result"}),
		refused:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "codefob_relay_refused_total", Help: "Connections that did not become open streams."}, []string{"reason"}),
		appendSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "codefob_relay_append_seconds", Help: "From an append's arrival to its record on the disk.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}),
		pushed:   counter("pushed_records_total", "Records sent to clients."),
		dropped:  counter("dropped_sockets_total", "Sockets whose client did not take what was sent."),
		received: counter("received_bytes_total", "Bytes of frames received."),
		sent:     counter("sent_bytes_total", "Bytes of frames sent."),
	}
	m.registry.MustRegister(m.appends, m.refused, m.appendSeconds, m.pushed, m.dropped, m.received, m.sent,
		gauge("sockets", "Open sockets.", func() int { return len(r.sockets) }),
		gauge("streams", "Streams with open sockets.", func() int { return len(r.streams) }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}
