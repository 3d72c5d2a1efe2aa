package vault

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tape is a real disk that records what is done to it, for a replay on platter.
type tape struct {
	osDisk
	ops []tapeOp
}

type tapeOp struct {
	do, name, to string
	content      []byte
	at           int64 // of content, or the size
}

func (d *tape) record(op tapeOp, err error) error {
	if err == nil {
		d.ops = append(d.ops, op)
	}
	return err
}

func (d *tape) Mkdir(name string) error {
	return d.record(tapeOp{do: "mkdir", name: name}, d.osDisk.Mkdir(name))
}
func (d *tape) Create(name string) (diskFile, error) {
	f, err := d.osDisk.Create(name)
	if d.record(tapeOp{do: "create", name: name}, err) != nil {
		return nil, err
	}
	return tapeFile{f, d, name}, nil
}
func (d *tape) Link(from, to string) error {
	return d.record(tapeOp{do: "link", name: from, to: to}, d.osDisk.Link(from, to))
}
func (d *tape) Rename(from, to string) error {
	return d.record(tapeOp{do: "rename", name: from, to: to}, d.osDisk.Rename(from, to))
}
func (d *tape) Remove(name string) error {
	return d.record(tapeOp{do: "remove", name: name}, d.osDisk.Remove(name))
}
func (d *tape) SyncFolder(name string) error {
	return d.record(tapeOp{do: "sync", name: name}, d.osDisk.SyncFolder(name))
}

func (d *tape) OpenShared(name string) (sharedFile, error) {
	f, err := d.osDisk.OpenShared(name)
	if d.record(tapeOp{do: "open", name: name}, err) != nil {
		return nil, err
	}
	return tapeShared{f, d, name}, nil
}

// tapeShared is never mapped: all bytes are recorded.
type tapeShared struct {
	sharedFile
	tape *tape
	name string
}

func (f tapeShared) Map(int) []byte { return nil }
func (f tapeShared) Truncate(size int64) error {
	return f.tape.record(tapeOp{do: "truncate", name: f.name, at: size}, f.sharedFile.Truncate(size))
}
func (f tapeShared) WriteAt(b []byte, at int64) (int, error) {
	n, err := f.sharedFile.WriteAt(b, at)
	return n, f.tape.record(tapeOp{do: "write at", name: f.name, content: bytes.Clone(b), at: at}, err)
}

type tapeFile struct {
	diskFile
	tape *tape
	name string
}

func (f tapeFile) Write(b []byte) (int, error) {
	n, err := f.diskFile.Write(b)
	return n, f.tape.record(tapeOp{do: "write", name: f.name, content: bytes.Clone(b)}, err)
}
func (f tapeFile) Sync() error {
	return f.tape.record(tapeOp{do: "sync", name: f.name}, f.diskFile.Sync())
}

// node is a file or a folder as the platter has it. POSIX promises no more than what
// was synced: of a folder's changes since then any part may be there, whichever came
// first, and of a file's bytes any.
type node struct {
	folder bool
	synced bool   // of a file: all of content is there
	bytes  []byte // of a file
	torn   []byte // of one that is written in place: with half of the last write

	durable map[string]*node // of a folder, by name
	changes []map[string]*node
}

func newFolder() *node { return &node{folder: true, durable: map[string]*node{}} }

// now is a folder as programs see it.
func (n *node) now() map[string]*node {
	all := maps.Clone(n.durable)
	for _, c := range n.changes {
		apply(all, c)
	}
	return all
}

func apply(all, change map[string]*node) {
	for name, to := range change {
		if to == nil {
			delete(all, name)
		} else {
			all[name] = to
		}
	}
}

func (n *node) change(c map[string]*node) { n.changes = append(n.changes, c) }

// find is what a path below root, which is n, leads to.
func (n *node) find(root, path string) *node {
	rel, _ := filepath.Rel(root, path)
	for _, name := range strings.Split(filepath.ToSlash(rel), "/") {
		if name != "." {
			n = n.now()[name]
		}
	}
	return n
}

// replay does what was recorded.
func replay(t *testing.T, root string, ops []tapeOp) *node {
	top := newFolder()
	for _, op := range ops {
		dir, base := top.find(root, filepath.Dir(op.name)), filepath.Base(op.name)
		if op.name == root {
			dir, base = top, "."
		}
		switch op.do {
		case "mkdir":
			dir.change(map[string]*node{base: newFolder()})
		case "create":
			dir.change(map[string]*node{base: {}})
		case "open":
			if dir.now()[base] == nil {
				dir.change(map[string]*node{base: {}})
			}
		case "truncate":
			f := dir.now()[base]
			f.bytes, f.synced = append(f.bytes, make([]byte, max(0, int(op.at)-len(f.bytes)))...)[:op.at], false
		case "write at":
			f := dir.now()[base]
			f.torn = bytes.Clone(f.bytes)
			copy(f.bytes[op.at:], op.content)
			copy(f.torn[op.at:], op.content[:len(op.content)/2])
			f.synced = false
		case "write":
			f := dir.now()[base]
			f.bytes, f.synced = append(f.bytes, op.content...), false
		case "link":
			top.find(root, filepath.Dir(op.to)).change(map[string]*node{filepath.Base(op.to): dir.now()[base]})
		case "rename":
			if filepath.Dir(op.to) != filepath.Dir(op.name) {
				t.Fatalf("%s moves to another folder: the model has no such thing", op.name)
			}
			dir.change(map[string]*node{base: nil, filepath.Base(op.to): dir.now()[base]})
		case "remove":
			dir.change(map[string]*node{base: nil})
		case "sync":
			n := top.find(root, op.name)
			if n.synced = true; n.folder {
				n.durable, n.changes = n.now(), nil
			}
		}
	}
	return top
}

// choices are the ways in which a disk can come back: one after the other, or
// at random.
type choices struct {
	random        *rand.Rand // nil for one after the other
	digits, bases []int
	at            int
}

func (c *choices) pick(n int) int {
	if c.random != nil {
		return c.random.IntN(n)
	}
	if c.at == len(c.digits) {
		c.digits, c.bases = append(c.digits, 0), append(c.bases, n)
	}
	c.at++
	return c.digits[c.at-1]
}

func (c *choices) next() bool {
	c.at = 0
	for i := len(c.digits) - 1; i >= 0; i-- {
		if c.digits[i]++; c.digits[i] < c.bases[i] {
			return true
		}
		c.digits, c.bases = c.digits[:i], c.bases[:i]
	}
	return false
}

// mostChanges is how many unsynced changes of a folder are tried in all
// combinations; of more, which only backups has, it is none, all or the last ones.
const mostChanges = 5

// after is what is left of a folder after a power loss: files by path.
func (n *node) after(c *choices, path string, left map[string][]byte) {
	all := maps.Clone(n.durable)
	if extra := len(n.changes) - mostChanges; extra > 0 {
		first := []int{0, extra, len(n.changes)}[c.pick(3)]
		for _, change := range n.changes[first:] {
			apply(all, change)
		}
	} else {
		for _, change := range n.changes {
			if c.pick(2) == 1 {
				apply(all, change)
			}
		}
	}
	left[path+"/"] = nil
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f, at := all[name], path+"/"+name
		switch {
		case f.folder:
			f.after(c, at, left)
		case f.synced || len(f.bytes) == 0:
			left[at] = f.bytes
		case f.torn != nil:
			left[at] = [][]byte{{}, f.bytes[:len(f.bytes)/2], f.torn, f.bytes}[c.pick(4)]
		default:
			left[at] = [][]byte{{}, f.bytes[:len(f.bytes)/2], make([]byte, len(f.bytes)), f.bytes}[c.pick(4)]
		}
	}
}

func keyOf(left map[string][]byte) [sha256.Size]byte {
	all := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(left)) {
		fmt.Fprintf(all, "%q %x\n", path, sha256.Sum256(left[path]))
	}
	return [sha256.Size]byte(all.Sum(nil))
}

// noSync is a disk whose power does not fail a second time.
type noSync struct{ osDisk }

func (noSync) SyncFolder(string) error { return nil }

// comeBack writes what is left to a real folder.
func comeBack(t *testing.T, root string, left map[string][]byte) {
	check(t, os.RemoveAll(root))
	for _, path := range slices.Sorted(maps.Keys(left)) {
		if strings.HasSuffix(path, "/") {
			check(t, os.Mkdir(root+path, 0o700))
		} else {
			check(t, os.WriteFile(root+path, left[path], 0o600))
		}
	}
}

// V4, V16: the power fails at each point of a vault's life, and the disk comes back
// in each way that POSIX allows. What was acknowledged is there, the rest is there
// or not, and nothing in between. Of the log a power loss may take what it likes: it
// can be read, and tells of nothing that was not, and of how much is missing.
func TestPowerLoss(t *testing.T) {
	makeCheap(t)
	root := t.TempDir()
	home := filepath.Join(root, "first", "second")
	d := &tape{}
	v := at(home)
	v.disk, v.log.disk = d, d
	var id, identity string
	var recovery RecoveryKey
	var issued []string
	const second = "another passphrase"

	// describe is the vault in a folder, as far as a person can tell.
	describe := func(home string) (v *Vault, what string, locked bool) {
		v, err := Open(home)
		if errors.Is(err, ErrMissing) {
			return nil, "none", false
		}
		check(t, err)
		locked = v.LockedByUser()
		first := v.UnlockPassphrase(t.Context(), []byte(passphrase))
		if first != nil {
			wantError(t, "the first passphrase", first, ErrPassphrase)
			check(t, v.UnlockPassphrase(t.Context(), []byte(second)))
		}
		var counter uint64
		if a, ok := v.Account(id); ok {
			counter = a.Counter
		}
		return v, fmt.Sprintf("%q, counter %d, first passphrase %v", names(v), counter, first == nil), locked
	}
	type step struct {
		name   string
		work   func() error
		end    int      // of its operations
		after  string   // the vault then
		issued []string // the codes by then
		told   int      // releases that are in the log
		state  []byte   // state.json
	}
	told := 0
	release := func() error {
		told++
		return v.Spend(filled(told), fmt.Sprint(told), plenty)
	}
	next := func() error {
		code, err := v.NextCode(id)
		issued = append(issued, code)
		return err
	}
	change := func(name string) func() error {
		return func() (err error) { _, err = add(v, totp(name)); return err }
	}
	steps := []*step{
		{name: "make it", work: func() (err error) {
			recovery, err = v.create([]byte(passphrase))
			identity = v.identity.String()
			return err
		}},
		{name: "add", work: func() (err error) { id, err = add(v, hotp(0)); return err }},
		{name: "code", work: next},
		{name: "another code", work: next},
		{name: "passphrase", work: func() error { return v.SetPassphrase([]byte(second)) }},
		{name: "add more", work: change("bob")},
		{name: "lock", work: v.LockForAll},
		{name: "unlock", work: func() error { return v.UnlockPassphrase(t.Context(), []byte(second)) }},
		{name: "code after the lock", work: next},
	}
	for i := range keepBackups {
		steps = append(steps, &step{name: "fill the backups", work: change(fmt.Sprint(i))})
	}
	steps = append(steps, &step{name: "release", work: release}, &step{name: "another release", work: release}, &step{name: "code after the releases", work: next})
	for _, s := range steps {
		check(t, s.work())
		s.end, s.issued, s.told = len(d.ops), slices.Clone(issued), told
		s.state, _ = os.ReadFile(stateOf(v))
		shown := t.TempDir()
		check(t, os.CopyFS(shown, os.DirFS(home)))
		_, s.after, _ = describe(shown)
	}

	random := rand.New(rand.NewPCG(1, 2))
	lost := filepath.Join(inMemory(t), "lost")
	points, states, saved := 0, 0, 0
	before := &step{after: "none"}
	for _, s := range steps {
		for end := before.end; end <= s.end; end++ {
			points++
			seen := map[[sha256.Size]byte]bool{}
			c := &choices{}
			if soak == 0 {
				c.random = random
			}
			for more := 5; more > 0; more-- {
				left := map[string][]byte{}
				replay(t, root, d.ops[:end]).after(c, "", left)
				if c.random == nil && c.next() {
					more++
				} else if c.random == nil {
					more = 1 // the last
				}
				key := keyOf(left)
				if seen[key] {
					continue
				}
				seen[key] = true
				states++
				comeBack(t, lost, left)
				found, got, locked := describe(filepath.Join(lost, "first", "second"))
				at := fmt.Sprintf("power lost at operation %d of %q", end-before.end, s.name)
				if got != s.after && (end == s.end || got != before.after) {
					t.Fatalf("%s: the vault holds %s; want %s, or %s if it was not acknowledged; on disk: %q",
						at, got, s.after, before.after, slices.Sorted(maps.Keys(left)))
				}
				if s.name == "lock" && end == s.end && !locked {
					t.Fatalf("%s: it is not locked any more", at)
				}
				if found == nil {
					continue
				}
				if states%2 == 0 && before.state != nil { // it is not on the tape
					check(t, os.WriteFile(stateOf(found), before.state, 0o600))
				}
				list, missing, err := found.Log()
				check(t, err)
				for _, r := range list {
					if n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(r.Host, "host"), ".example")); err != nil || n > s.told {
						t.Fatalf("%s: the log tells of %+v", at, r)
					}
				}
				if states%2 == 0 && len(list)+missing < before.told {
					t.Fatalf("%s: %d records and %d missing of %d", at, len(list), missing, before.told)
				}
				found.disk = noSync{}
				other, err := Open(found.home)
				check(t, err)
				if end >= steps[0].end { // its recovery key was told
					check(t, other.UnlockRecovery(recovery))
					check(t, other.UnlockIdentity([]byte(identity)))
				}
				if saved++; saved%16 != 0 && soak == 0 || end < steps[1].end {
					continue
				}
				code, err := found.NextCode(id)
				check(t, err)
				if slices.Contains(before.issued, code) || end == s.end && slices.Contains(s.issued, code) {
					t.Fatalf("%s: code %s is issued once more", at, code)
				}
				check(t, filepath.WalkDir(found.path(), func(path string, _ os.DirEntry, err error) error {
					if strings.HasSuffix(path, ".tmp") {
						t.Errorf("after the next save there is still %s", path)
					}
					return err
				}))
				for _, name := range found.Backups() {
					if _, err := found.readBackup(name, found.identity); err != nil {
						t.Fatalf("%s: %v", at, err)
					}
				}
			}
		}
		before = s
	}
	t.Logf("SOAK power loss: %d points, %d disks that came back; nothing lost, nothing unreadable, no HOTP twice", points, states)
}
