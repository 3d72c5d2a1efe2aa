package relay

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/sirupsen/logrus"
)

var errLocked = errors.New("another relay runs in this folder")

// embed starts a JetStream in this process, which no network reaches. Each record
// is on the disk before it is acknowledged.
func embed(c *Config) (s *server.Server, release func(), err error) {
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return nil, nil, err
	}
	if release, err = lock(filepath.Join(c.Folder, "lock")); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.Folder, err)
	}
	s, err = server.NewServer(&server.Options{
		ServerName: "codefob-relay", DontListen: true, NoSigs: true,
		JetStream: true, StoreDir: c.Folder, SyncAlways: true, DisableJetStreamBanner: true,
		JetStreamMaxStore:  c.Storage + c.Storage/8, // what is deleted is freed a little later
		JetStreamMaxMemory: 2 * mailAll,
	})
	if err != nil {
		release()
		return nil, nil, err
	}
	s.SetLoggerV2(natsLog{c.Log}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(time.Minute) || !s.JetStreamEnabled() {
		s.Shutdown()
		release()
		return nil, nil, errors.New("the storage did not start: the log says why")
	}
	return s, release, nil
}

// natsLog passes on what NATS has to say, its warnings and errors aloud.
type natsLog struct{ log *logrus.Logger }

func (l natsLog) Noticef(format string, v ...any) { l.log.Debugf("NATS: "+format, v...) }
func (l natsLog) Warnf(format string, v ...any)   { l.log.Warnf("NATS: "+format, v...) }
func (l natsLog) Fatalf(format string, v ...any)  { l.log.Errorf("NATS: "+format, v...) }
func (l natsLog) Errorf(format string, v ...any)  { l.log.Errorf("NATS: "+format, v...) }
func (l natsLog) Debugf(format string, v ...any)  {}
func (l natsLog) Tracef(format string, v ...any)  {}
