package main

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// V14: a clock that cannot be right is said to be wrong.
func TestTheClockIsJudged(t *testing.T) {
	day := func(year int) time.Time { return time.Date(year, 2, 7, 6, 28, 15, 0, time.UTC) }
	for _, tt := range []struct {
		now   time.Time
		state int
		err   error
		good  bool
		fix   bool
	}{
		{time.Unix(0, 0).UTC(), unix.TIME_OK, nil, false, true},
		{time.Unix(0, 0).UTC(), unix.TIME_ERROR, nil, false, true},
		{day(2025), unix.TIME_OK, errors.New("not permitted"), false, true},
		{day(2106), unix.TIME_OK, nil, false, true},
		{day(2026), unix.TIME_OK, nil, true, false},
		{day(2026), unix.TIME_ERROR, nil, true, true},
		{day(2026), unix.TIME_OK, errors.New("not permitted"), true, false},
	} {
		if got := judgeClock(tt.now, tt.state, tt.err); got.OK != tt.good || (got.Fix != "") != tt.fix {
			t.Errorf("%s, %d, %v: %+v", tt.now, tt.state, tt.err, got)
		}
	}
}
