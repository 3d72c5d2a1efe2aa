// Package logging opens the log file of the host. What is logged never holds a
// secret, a code or the body of a message.
package logging

import (
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"
	"gopkg.in/natefinch/lumberjack.v2"
)

// New logs to log/codefob.log in the folder home: files of 1 MiB, three of
// them, for their owner only, made when the first line is written. Level is a
// name that logrus knows.
func New(home, level string) (*logrus.Logger, error) {
	l, err := logrus.ParseLevel(level)
	if err != nil {
		return nil, err
	}
	log := logrus.New()
	log.SetLevel(l)
	log.SetFormatter(&logrus.TextFormatter{DisableColors: true, FullTimestamp: true})
	log.SetOutput(&file{lumberjack.Logger{Filename: filepath.Join(home, "log", "codefob.log"), MaxSize: 1, MaxBackups: 2}})
	return log, nil
}

// file makes its folders before lumberjack does, which would let others read
// them; the one above may become the home of the vault.
type file struct{ lumberjack.Logger }

func (f *file) Write(line []byte) (int, error) {
	if err := os.MkdirAll(filepath.Dir(f.Filename), 0o700); err != nil {
		return 0, err
	}
	return f.Logger.Write(line)
}
