package relay

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"codefob/internal/relay/wire"
)

const (
	mailKeep   = 2 * time.Minute
	mailRecord = 20 << 10 // bytes of one record: the keys of 290 epochs, sealed
	mailStream = 32 << 10 // and of all of a mailbox
	mailAll    = 64 << 20 // and of all mailboxes

	// header holds the sequence of the record before in the stream, and how many
	// bytes the stream has taken in its life, this record's included.
	header = "C"
)

// store is JetStream: a stream of it is a partition, and a subject in it is one of
// our streams.
type store struct {
	embedded *server.Server // nil with a cluster
	release  func()         // of the folder's lock; nil with a cluster
	nc       *nats.Conn
	js       jetstream.JetStream
	lasting  []*partition
	mail     *partition
	all      []*partition
	pushed   chan *nats.Msg // what was added to the streams that we listen to
}

// partition is one stream of JetStream.
type partition struct {
	name, prefix string // of its subjects
	record       int    // the most bytes of one record
	total        int64  // and of one of our streams in its life
	config       jetstream.StreamConfig

	js     jetstream.JetStream
	stream atomic.Pointer[jetstream.Stream]
	id     atomic.Pointer[[8]byte] // made with it: another one means that it was lost
	leader string                  // which node leads it; the relay's watch has it
}

// openStore starts or reaches JetStream. It calls missed when something that was
// pushed may have been lost.
func openStore(ctx context.Context, c *Config, missed func()) (st *store, err error) {
	st = &store{pushed: make(chan *nats.Msg, 1024)}
	defer func() {
		if err != nil {
			st.close()
		}
	}()
	options := []nats.Option{
		nats.Name("codefob-relay"), nats.MaxReconnects(-1), nats.ReconnectWait(200 * time.Millisecond),
		nats.ReconnectBufSize(-1), // what is sent while NATS is away fails at once
		nats.ReconnectHandler(func(*nats.Conn) { missed() }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			switch {
			case errors.Is(err, nats.ErrSlowConsumer):
				missed()
			case errors.Is(err, nats.ErrPermissionViolation): // it has the name of a stream
				c.Log.Error("NATS does not let the relay do what it has to: docs/relay/nats.conf has the permissions of its user")
			default:
				c.Log.WithError(err).Warn("NATS")
			}
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				c.Log.WithError(err).Warn("NATS is away")
			}
		}),
	}
	url, replicas := strings.Join(c.NATS, ","), 3
	if len(c.NATS) == 0 {
		if st.embedded, st.release, err = embed(c); err != nil {
			return st, err
		}
		options, replicas = append(options, nats.InProcessServer(st.embedded)), 1
	}
	if c.Creds != "" {
		options = append(options, nats.UserCredentials(c.Creds))
	}
	if c.CA != "" {
		options = append(options, nats.RootCAs(c.CA))
	}
	st.nc, err = nats.Connect(url, options...)
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return st, errors.New("NATS does not know the user: say who the relay is with --nats nats://USER:PASSWORD@HOST:4222, or with --nats-creds")
	case errors.Is(err, nats.ErrNoServers):
		return st, errors.New("NATS does not answer at any of the addresses of --nats")
	case err != nil:
		return st, fmt.Errorf("NATS: %w", err)
	}
	if st.js, err = jetstream.New(st.nc); err != nil {
		return st, err
	}
	for i := range c.Partitions {
		p := newPartition(st.js, fmt.Sprint(i), jetstream.FileStorage, replicas)
		p.record, p.total = wire.MaxRecord, c.StreamSize
		p.config.MaxAge, p.config.MaxBytes = c.Keep, c.Storage/int64(c.Partitions)
		// Where a stream is depends on it.
		p.config.Metadata["partitions"] = strconv.Itoa(c.Partitions)
		st.lasting = append(st.lasting, p)
	}
	st.mail = newPartition(st.js, "MAIL", jetstream.MemoryStorage, replicas)
	st.mail.record, st.mail.total = mailRecord, mailStream
	st.mail.config.MaxAge, st.mail.config.MaxBytes = mailKeep, mailAll
	st.all = append(st.lasting, st.mail)
	for _, p := range st.all {
		// A cluster that has just started finds its leaders first, and does not
		// answer what it is asked before.
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
			try, cancel := context.WithTimeout(ctx, 2*time.Second)
			err = p.open(try)
			cancel()
			if err == nil {
				break
			}
			if errors.Is(err, errPartitions) || ctx.Err() != nil || time.Now().After(deadline) {
				return st, fmt.Errorf("JetStream: stream %s: %w", p.name, err)
			}
		}
	}
	return st, nil
}

func newPartition(js jetstream.JetStream, name string, storage jetstream.StorageType, replicas int) *partition {
	p := &partition{name: "CODEFOB_" + name, prefix: "codefob." + name + ".", js: js}
	p.config = jetstream.StreamConfig{
		Name: p.name, Subjects: []string{p.prefix + "*"}, Storage: storage, Replicas: replicas,
		Discard: jetstream.DiscardNew, MaxMsgSize: wire.MaxRecord + 128, Metadata: map[string]string{},
		// JetStream says what it has stored to whoever listens.
		RePublish: &jetstream.RePublish{Source: p.prefix + "*", Destination: pushedPrefix + p.prefix + "{{wildcard(1)}}"},
	}
	return p
}

var errPartitions = errors.New("another number of partitions")

// open makes the stream of JetStream if it is not there, and sets its limits.
func (p *partition) open(ctx context.Context) error {
	s, err := p.js.Stream(ctx, p.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		c := p.config
		c.Metadata = map[string]string{"store": rand.Text(), "partitions": p.config.Metadata["partitions"]}
		s, err = p.js.CreateStream(ctx, c)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another relay was first
			s, err = p.js.Stream(ctx, p.name)
		}
	}
	if err != nil {
		return err
	}
	have := s.CachedInfo().Config
	if was, is := have.Metadata["partitions"], p.config.Metadata["partitions"]; was != is {
		return fmt.Errorf("%w: it was made for %s and cannot be used with %s: start the relay with --partitions %[2]s", errPartitions, was, is)
	}
	if have.MaxAge != p.config.MaxAge || have.MaxBytes != p.config.MaxBytes {
		have.MaxAge, have.MaxBytes = p.config.MaxAge, p.config.MaxBytes
		if s, err = p.js.UpdateStream(ctx, have); err != nil {
			return err
		}
	}
	p.stream.Store(&s)
	id := storeID(have.Metadata["store"])
	p.id.Store(&id)
	return nil
}

// check asks JetStream how the stream is, and makes it again if it was lost. It
// tells whether another node leads it now: what the one before stored last may not
// have been pushed.
func (p *partition) check(ctx context.Context) (lost, moved bool, err error) {
	was := *p.id.Load()
	s, err := p.js.Stream(ctx, p.name)
	if err == nil && storeID(s.CachedInfo().Config.Metadata["store"]) == was {
		leader := ""
		if c := s.CachedInfo().Cluster; c != nil {
			leader = c.Leader
		}
		moved = p.leader != leader
		p.leader = leader
		return false, moved, nil
	}
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return false, false, err
	}
	err = p.open(ctx)
	return err == nil && *p.id.Load() != was, false, err
}

func storeID(text string) (id [8]byte) {
	copy(id[:], text)
	return id
}

func (s *store) close() {
	if s.nc != nil {
		s.nc.Close()
	}
	if s.embedded != nil {
		s.embedded.Shutdown()
		s.embedded.WaitForShutdown()
	}
	if s.release != nil {
		s.release()
	}
}

// last is where a stream stands.
func (p *partition) last(ctx context.Context, subject string) (h head, err error) {
	m, err := (*p.stream.Load()).GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return head{}, nil
	}
	if err != nil {
		return head{}, err
	}
	_, size, err := readHeader(m.Header)
	return head{m.Sequence, size}, err
}

// head is the sequence of a stream's last record, and the bytes that it has taken.
type head struct {
	sequence uint64
	size     int64
}

// read gets the first record after a sequence. There may be none.
func (p *partition) read(ctx context.Context, subject string, after uint64) (r wire.Record, ok bool, err error) {
	m, err := (*p.stream.Load()).GetMsg(ctx, after+1, jetstream.WithGetMsgSubject(subject))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	previous, _, err := readHeader(m.Header)
	return wire.Record{Sequence: m.Sequence, Previous: previous, Data: m.Data}, true, err
}

// errConflict says that the stream does not end where it was expected to.
var errConflict = errors.New("another record was added first")

// add adds a record behind h, and returns where the stream stands then. After any
// error but errConflict and errNoRoom, the record may be there all the same.
func (p *partition) add(ctx context.Context, subject string, h head, data []byte) (head, error) {
	size := h.size + int64(len(data))
	m := &nats.Msg{Subject: subject, Data: data, Header: nats.Header{header: {fmt.Sprintf("%d %d", h.sequence, size)}}}
	ack, err := p.js.PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(h.sequence), jetstream.WithExpectStream(p.name))
	var api *jetstream.APIError
	switch {
	case err == nil:
		return head{ack.Sequence, size}, nil
	case errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant):
		return h, errConflict
	case errors.As(err, &api) && (strings.Contains(api.Description, "maximum bytes") || strings.Contains(api.Description, "resources") || strings.Contains(api.Description, "insufficient")):
		return h, errNoRoom
	}
	return h, err
}

var errNoRoom = errors.New("the storage is full")

func readHeader(h nats.Header) (previous uint64, size int64, err error) {
	_, err = fmt.Sscanf(h.Get(header), "%d %d", &previous, &size)
	if err != nil {
		err = fmt.Errorf("a record that no relay wrote: %w", err)
	}
	return previous, size, err
}

// pushedPrefix stands before the subject where JetStream says what it has stored.
const pushedPrefix = "pushed."

// listen has what is added to a stream pushed. What comes while the subscription
// travels through a cluster is missed: look again.
func (s *store) listen(subject string) (*nats.Subscription, error) {
	return s.nc.ChanSubscribe(pushedPrefix+subject, s.pushed)
}

func readPushed(m *nats.Msg) (r wire.Record, subject string, err error) {
	subject = strings.TrimPrefix(m.Subject, pushedPrefix)
	if r.Previous, _, err = readHeader(m.Header); err != nil {
		return r, subject, err
	}
	r.Data = m.Data
	r.Sequence, err = strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
	return r, subject, err
}

// subject is where a stream is in the storage, which has a hash of its key only.
func (p *partition) subject(id [16]byte) string { return p.prefix + hex.EncodeToString(id[:]) }
