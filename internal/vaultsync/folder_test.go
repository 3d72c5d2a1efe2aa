package vaultsync

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// shared is a folder that several devices share, each through a carrier of its own.
type shared struct {
	path  string
	clock time.Time
	all   []*computer
	list  []*Folder
}

func share(t *testing.T) *shared {
	s := &shared{path: t.TempDir(), clock: epochStart}
	s.all = copies(t, func(int) time.Time { return s.clock })[:3]
	for _, c := range s.all {
		f, err := c.Folder(s.path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		s.list = append(s.list, f)
	}
	return s
}

func (s *shared) sync(t *testing.T, which ...int) {
	t.Helper()
	for _, i := range which {
		if err := s.all[i].sync(s.list[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// files are the files of a device, in their order.
func (s *shared) files(t *testing.T, i int) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(s.list[i].base, s.list[i].mine, "*.rec"))
	if err != nil || len(list) == 0 {
		t.Fatalf("no files: %v", err)
	}
	slices.Sort(list)
	return list
}

func TestAFolderCarries(t *testing.T) {
	s := share(t)
	s.all[0].add("A", "SECRET")
	s.all[1].add("B", "SECRET TOO")
	s.sync(t, 0, 1, 2, 0)
	for i, c := range s.all {
		if len(c.vault.Accounts) != 2 || len(c.Troubles()) > 0 {
			t.Errorf("device %d has %d accounts, and %v", i, len(c.vault.Accounts), c.Troubles())
		}
	}
	// Nothing new makes no file, and a start reads none again.
	before := len(s.files(t, 0))
	s.clock = s.clock.Add(time.Hour)
	s.sync(t, 1, 2, 0, 1, 2, 0)
	if after := len(s.files(t, 0)); after != before {
		t.Errorf("%d files, and then %d", before, after)
	}
	if err := s.all[2].restart(); err != nil {
		t.Fatal(err)
	}
	fresh, _ := s.all[2].Folder(s.path)
	b, err := fresh.Pull(context.Background(), s.all[2].carrier(fresh.Name()).position)
	if err != nil || len(b.Records)+len(b.Entries) > 0 {
		t.Errorf("after a start %d records are read again, %v", len(b.Records), err)
	}
	filepath.WalkDir(s.path, func(name string, d os.DirEntry, err error) error {
		if strings.HasSuffix(name, ".tmp") {
			t.Errorf("%s is left", name)
		}
		return err
	})
}

// What sync programs, file systems and people do to a folder.
func TestAFolderSurvives(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(t *testing.T, s *shared) // device 1 looks after it
		after  func(t *testing.T, s *shared) // and again after this
		at     bool                          // it has the account at the first look
	}{
		{"conflict copies and foreign files", func(t *testing.T, s *shared) {
			for _, name := range s.files(t, 0) {
				for _, add := range []string{" (conflicted copy 2026-01-02).rec", ".sync-conflict-20260102-120000-ABCDEFG.rec", " 2.rec", ".rec.tmp", ".icloud"} {
					copyFile(t, name, strings.TrimSuffix(name, ".rec")+add)
				}
			}
			os.WriteFile(filepath.Join(filepath.Dir(s.list[0].base), ".DS_Store"), []byte("x"), 0o600)
			os.WriteFile(filepath.Join(s.list[0].base, "desktop.ini"), []byte("x"), 0o600)
			os.WriteFile(filepath.Join(s.list[0].base, strings.ToUpper(s.list[0].mine)), []byte("x"), 0o600)
			os.MkdirAll(filepath.Join(s.list[0].base, "lost+found"), 0o700)
			os.MkdirAll(filepath.Join(s.list[0].base, s.list[0].mine, "00000077.rec"), 0o700)
		}, nil, true},
		{"a partial file", func(t *testing.T, s *shared) {
			name := last(s.files(t, 0))
			whole := read(t, name)
			os.Rename(name, name+".whole")
			os.WriteFile(name, whole[:len(whole)-100], 0o600)
		}, func(t *testing.T, s *shared) { os.Rename(last(s.files(t, 0))+".whole", last(s.files(t, 0))) }, false},
		{"more partial files than are read at once", func(t *testing.T, s *shared) {
			name := last(s.files(t, 0))
			for n := range filesAtOnce + 1 {
				os.WriteFile(filepath.Join(filepath.Dir(name), fmt.Sprintf("%08d.rec", 100+n)), []byte(folderMagic), 0o600)
			}
			os.Rename(name, filepath.Join(filepath.Dir(name), "00000999.rec"))
		}, nil, true},
		{"a file full of zeros", func(t *testing.T, s *shared) {
			name := last(s.files(t, 0))
			copyFile(t, name, name+".whole")
			os.WriteFile(name, make([]byte, 1000), 0o600)
		}, func(t *testing.T, s *shared) { os.Rename(last(s.files(t, 0))+".whole", last(s.files(t, 0))) }, false},
		{"an empty file", func(t *testing.T, s *shared) {
			name := last(s.files(t, 0))
			copyFile(t, name, name+".whole")
			os.WriteFile(name, nil, 0o600)
		}, func(t *testing.T, s *shared) { os.Rename(last(s.files(t, 0))+".whole", last(s.files(t, 0))) }, false},
		{"the first file comes last", func(t *testing.T, s *shared) {
			os.Rename(s.files(t, 0)[0], filepath.Join(s.path, "late"))
		}, func(t *testing.T, s *shared) {
			os.Rename(filepath.Join(s.path, "late"), filepath.Join(s.list[0].base, s.list[0].mine, "00000001.rec"))
		}, true}, // it held an entry that all have
		{"names in upper case", func(t *testing.T, s *shared) {
			for _, name := range s.files(t, 0) {
				os.Rename(name, strings.TrimSuffix(name, ".rec")+".REC")
			}
			os.Rename(filepath.Join(s.list[0].base, s.list[0].mine), filepath.Join(s.list[0].base, strings.ToUpper(s.list[0].mine)))
		}, nil, true},
		{"links that lead elsewhere", func(t *testing.T, s *shared) {
			if runtime.GOOS == "windows" {
				t.Skip("links need rights on Windows")
			}
			os.Symlink("/dev/zero", filepath.Join(s.list[0].base, s.list[0].mine, "00000099.rec"))
			os.Symlink(s.list[0].base, filepath.Join(s.list[0].base, "0123456789abcdef"))
		}, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := share(t)
			s.all[0].add("A", "SECRET")
			s.sync(t, 0)
			tt.before(t, s)
			s.sync(t, 1)
			if _, has := s.all[1].vault.Accounts["A"]; has != tt.at {
				t.Errorf("it has the account: %t", has)
			}
			if got := s.all[1].Troubles(); len(got) > 0 {
				t.Errorf("%v", got)
			}
			if tt.after != nil {
				s.clock = s.clock.Add(settles + time.Second)
				s.sync(t, 1)
				if got := s.all[1].Troubles(); !tt.at && (len(got) != 1 || got[0].Kind != Changed) {
					t.Errorf("while it lasts: %v", got)
				}
				tt.after(t, s)
				s.sync(t, 1)
			}
			if _, has := s.all[1].vault.Accounts["A"]; !has || len(s.all[1].Troubles()) > 0 {
				t.Errorf("it has the account: %t; %v", has, s.all[1].Troubles())
			}
		})
	}
}

// What was read and not taken, as the disk of this computer was full, comes again; also behind a file that is late.
func TestAFolderGivesAgainWhatWasNotTaken(t *testing.T) {
	s := share(t)
	for _, id := range []string{"A", "B"} {
		s.all[0].add(id, "SECRET")
		s.sync(t, 0)
	}
	files := s.files(t, 0)
	os.Remove(files[len(files)-2])
	s.all[1].store.breaks = 1
	if err := s.all[1].Pull(context.Background(), s.list[1]); !errors.Is(err, ErrStorage) {
		t.Fatal(err)
	}
	s.all[1].store.breaks = 0
	if s.sync(t, 1); len(s.all[1].waiting) == 0 {
		t.Error("what is behind the late file was passed over")
	}
}

// Whoever has the folder fills it with large files: no more of them than a few are in memory at once.
func TestAFolderOfLargeFiles(t *testing.T) {
	s := share(t)
	f := s.list[0]
	folder := filepath.Join(f.base, "0123456789abcdef")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	var content []byte
	for len(content) < maxFile-2*MaxRecord {
		content = frame(append(content, 'r'), make([]byte, MaxRecord))
	}
	for n := range 4 {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%08d.rec", n+1)), wholeFile(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	position, all := "", 0
	for more := true; more; {
		b, err := f.Pull(context.Background(), position)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(b.Records); n*MaxRecord > bytesAtOnce+maxFile || n == 0 {
			t.Errorf("%d records at once", n)
		}
		position, more, all = b.Position, b.More, all+len(b.Records)
	}
	if want := 4 * (len(content) / (5 + MaxRecord)); all != want {
		t.Errorf("%d records, want %d", all, want)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	if err := os.WriteFile(to, read(t, from), 0o600); err != nil {
		t.Fatal(err)
	}
}

func last(list []string) string { return list[len(list)-1] }

func TestAFolderThatLostFilesIsNoticedAndFilledAgain(t *testing.T) {
	s := share(t)
	s.all[0].add("A", "SECRET")
	s.sync(t, 0, 1, 0)
	s.all[1].add("B", "SECRET TOO")
	s.sync(t, 1, 0, 1)
	if err := os.RemoveAll(filepath.Join(s.path, "codefob")); err != nil {
		t.Fatal(err)
	}
	s.clock = s.clock.Add(2 * grace)
	s.sync(t, 0) // alone: it gives again what others made, too
	if !s.all[0].has(Older) {
		t.Errorf("%v", s.all[0].kinds())
	}
	s.sync(t, 2)
	if len(s.all[2].vault.Accounts) != 2 {
		t.Errorf("a third device gets %d accounts", len(s.all[2].vault.Accounts))
	}
	// A single file, too.
	s.sync(t, 1, 0, 1)
	os.Remove(s.files(t, 0)[0])
	s.sync(t, 1)
	if !s.all[1].has(Older) {
		t.Errorf("%v", s.all[1].kinds())
	}
	s.sync(t, 0, 1, 2, 0, 1, 2)
	s.clock = s.clock.Add(25 * time.Hour)
	s.sync(t, 0, 1, 2)
	for i, c := range s.all {
		if c.has(Older) || c.has(Fork) || len(c.vault.Accounts) != 2 {
			t.Errorf("device %d, the day after: %v", i, c.kinds())
		}
	}
}

// A reader that was at a number takes no new file for one that it has read.
func TestAFolderThatIsFilledAgainHasOtherNames(t *testing.T) {
	s := share(t)
	s.all[0].add("A", "SECRET")
	s.sync(t, 0, 1, 0, 1)
	if err := os.RemoveAll(filepath.Join(s.list[0].base, s.list[0].mine)); err != nil {
		t.Fatal(err)
	}
	s.all[0].add("B", "SECRET TOO")
	s.sync(t, 0, 1)
	if len(s.all[1].vault.Accounts) != 2 {
		t.Errorf("a device has %d accounts", len(s.all[1].vault.Accounts))
	}
}

func TestAFolderThatIsNotThereIsSaidAndNotMade(t *testing.T) {
	s := share(t)
	s.all[0].add("A", "SECRET")
	s.sync(t, 0)
	away := s.path + " away"
	if err := os.Rename(s.path, away); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Rename(away, s.path) })
	if err := s.all[0].Round(context.Background(), s.list[0]); !errors.Is(err, ErrGone) {
		t.Errorf("Round = %v", err)
	}
	if err := s.list[0].Push(context.Background(), [][]byte{{1}}); !errors.Is(err, ErrGone) {
		t.Errorf("Push = %v", err)
	}
	if _, err := os.Stat(s.path); err == nil {
		t.Error("it was made")
	}
	if err := os.Rename(away, s.path); err != nil {
		t.Fatal(err)
	}
	s.sync(t, 0, 1)
	if len(s.all[1].vault.Accounts) != 1 || s.all[0].has(Older) {
		t.Errorf("when it is back: %v", s.all[0].kinds())
	}
}

func TestAFolderTellsOfChanges(t *testing.T) {
	s := share(t)
	s.sync(t, 0, 1, 0)
	f := s.list[1]
	f.poll = time.Hour
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	f.watch()
	if f.watcher == nil {
		t.Skip("the system tells of no changes here")
	}
	s.all[0].add("A", "SECRET")
	s.sync(t, 0)
	for s.all[1].vault.Accounts["A"].Fixed == nil {
		if err := f.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		s.sync(t, 1)
	}
	// And without that, it is looked at from time to time.
	f.poll = time.Millisecond
	f.Close()
	if err := f.Wait(ctx); err != nil {
		t.Error(err)
	}
}

// The files of a device, on a real disk.
func TestADeviceKeepsItsFilesInAFolder(t *testing.T) {
	made, err := five()
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return epochStart }
	folder := filepath.Join(t.TempDir(), "sync")
	if _, err := Open(folder, made[0].owner, now); !errors.Is(err, ErrNone) {
		t.Errorf("Open = %v", err)
	}
	r, err := Create(folder, "laptop", made[0].owner, now)
	if err != nil {
		t.Fatal(err)
	}
	c := &computer{Replica: r, now: now, vault: View{Accounts: map[string]Account{}}}
	c.add("CANARY", "CANARYSECRET")
	if err := c.sync(line("w")); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(folder, "laptop", made[0].owner, now); !errors.Is(err, ErrExists) {
		t.Errorf("Create again = %v", err)
	}
	again, err := Open(folder, made[0].owner, now)
	if err != nil {
		t.Fatal(err)
	}
	if again.State().Hash() != r.State().Hash() || again.Self() != r.Self() {
		t.Error("it is another after a start")
	}
	if _, err := Open(folder, made[1].owner, now); !errors.Is(err, ErrDamaged) {
		t.Errorf("Open with another vault's identity = %v", err)
	}
	list, _ := os.ReadDir(folder)
	for _, e := range list {
		if b := read(t, filepath.Join(folder, e.Name())); strings.Contains(string(b), "CANARY") || strings.Contains(string(b), "laptop") {
			t.Errorf("%s tells", e.Name())
		}
		if info, _ := e.Info(); runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
}

// A program that was killed while it wrote leaves a part, and the next one that writes there takes its place.
func TestWhatAKilledProgramLeftGoesAway(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, ".00000001.rec.tmp"), []byte("a pa"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeWhole(folder, "00000001.rec", []byte("all")); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(folder)
	if content, _ := os.ReadFile(filepath.Join(folder, "00000001.rec")); err != nil || len(left) != 1 || string(content) != "all" {
		t.Errorf("there are %v, %v, and in it is %q", left, err, content)
	}
}
