package vaultsync

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
)

// office has a mailbox for each code, as a relay has. Whoever runs it may change what is put there.
type office struct {
	mu     sync.Mutex
	boxes  map[Code][][]byte
	posted chan struct{}                          // closed, and made anew, at each message
	change func(place int, message []byte) []byte // what a bad one does
	seen   bytes.Buffer                           // all that it ever saw
}

func newOffice() *office { return &office{boxes: map[Code][][]byte{}, posted: make(chan struct{})} }

type box struct {
	*office
	code Code
}

func (b box) Post(_ context.Context, place int, message []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if place < len(b.boxes[b.code]) {
		return ErrTaken
	}
	b.seen.Write(message)
	if b.change != nil {
		message = b.change(place, bytes.Clone(message))
	}
	b.boxes[b.code] = append(b.boxes[b.code], message)
	close(b.posted)
	b.posted = make(chan struct{})
	return nil
}

func (b box) Read(ctx context.Context, place int) ([]byte, error) {
	for {
		b.mu.Lock()
		list, posted := b.boxes[b.code], b.posted
		b.mu.Unlock()
		if place < len(list) {
			return list[place], nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-posted:
		}
	}
}

// outcome is what became of an enrollment.
type outcome struct {
	old, new error
	check    [2][]string
	welcome  Welcome
	member   Member
}

// enrollment runs both sides, until either gives up: the other waits no longer then.
func enrollment(t *testing.T, r *Replica, i *Invitation, oldBox, newBox Mailbox, typed Code) (o outcome) {
	t.Helper()
	d, err := NewDevice()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var both sync.WaitGroup
	both.Add(2)
	go func() {
		defer both.Done()
		if o.member, o.check[0], o.old = i.Meet(ctx, oldBox); o.old != nil {
			cancel()
			return
		}
		now := i.now
		i.now = func() time.Time { return now().Add(codeLasts) }
		if i.Waits() {
			t.Error("a device is waited for that has gone")
		}
		if i.now = now; !i.Waits() {
			t.Error("nobody is said to wait")
		}
		var w Welcome
		if w, o.old = r.Add(ctx, o.member); o.old == nil {
			o.old = i.Welcome(ctx, oldBox, w)
		}
	}()
	go func() {
		defer both.Done()
		v, err := typed.Knock(ctx, newBox, d, "new laptop")
		if err == nil {
			o.check[1] = v.Check
			o.welcome, err = v.Enter(ctx)
		}
		if o.new = err; err != nil {
			cancel()
		}
	}()
	both.Wait()
	return o
}

func TestADeviceIsEnrolled(t *testing.T) {
	all := copies(t, fixed)
	c := all[0]
	c.add("A", "SECRET")
	for _, tt := range []struct {
		name string
		box  func(Code) Mailbox
	}{
		{"relay", func() func(Code) Mailbox { o := newOffice(); return func(c Code) Mailbox { return box{o, c} } }()},
		{"folder", func() func(Code) Mailbox {
			path := t.TempDir()
			return func(c Code) Mailbox { return c.FolderMailbox(path) }
		}()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i, err := c.Invite()
			if err != nil {
				t.Fatal(err)
			}
			typed, err := ParseCode("  " + strings.ToUpper(i.Code.Words()) + "\n")
			if err != nil || typed != i.Code {
				t.Fatalf("ParseCode = %v", err)
			}
			o := enrollment(t, c.Replica, i, tt.box(i.Code), tt.box(typed), typed)
			if o.old != nil || o.new != nil {
				t.Fatalf("old %v, new %v", o.old, o.new)
			}
			if len(o.check[0]) != 3 || !slices.Equal(o.check[0], o.check[1]) || o.member.Name != "new laptop" {
				t.Errorf("check words %q and %q, name %q", o.check[0], o.check[1], o.member.Name)
			}
			if o.welcome.Vault != c.known.Vault || o.welcome.Anchor != c.chain.head() {
				t.Errorf("welcome to %v", o.welcome.Anchor)
			}
		})
	}
}

// And then it has all that there is.
func TestANewDeviceGetsAllThatThereIs(t *testing.T) {
	all := copies(t, fixed)[:2]
	w := line("w")
	all[0].add("A", "SECRET")
	rounds(t, w, all...)
	if err := all[0].NewEpoch(context.Background(), w); err != nil {
		t.Fatal(err)
	}
	all[1].add("B", "SECRET TOO")
	rounds(t, w, all...)
	d, _ := NewDevice()
	owner, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	welcome, err := all[0].Add(context.Background(), d.Member("new"), w)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return epochStart }
	c := &computer{store: &memStore{files: map[string][]byte{}}, owner: owner, now: now, vault: View{Accounts: map[string]Account{}}}
	if c.Replica, err = join(c.store, d, welcome, owner, now); err != nil {
		t.Fatal(err)
	}
	if err := c.Round(context.Background(), w); err != nil {
		t.Fatal(err)
	}
	c.add("C", "ITS OWN") // a vault that had one: joined
	rounds(t, w, append(all, c)...)
	for i, c := range append(all, c) {
		if len(c.vault.Accounts) != 3 || c.State().Hash() != all[0].State().Hash() || len(c.noted) > 0 {
			t.Errorf("device %d has %d accounts, and %v", i, len(c.vault.Accounts), c.noted)
		}
	}
	if got := c.State().Duplicates(); len(got) != 0 {
		t.Errorf("duplicates %v", got)
	}
}

// R6: whatever goes wrong ends it, and nothing is learnt.
func TestAnEnrollmentThatGoesWrongEnds(t *testing.T) {
	flip := func(at int) func(int, []byte) []byte {
		return func(place int, message []byte) []byte {
			if place == at {
				message[len(message)/2] ^= 1
			}
			return message
		}
	}
	for _, tt := range []struct {
		name     string
		old, new error // one of each at least must be so; nil is a wait that was given up
		do       func(t *testing.T, c *computer, o *office) outcome
	}{
		{"a wrong code", nil, ErrNobody, func(t *testing.T, c *computer, o *office) outcome {
			i, _ := c.Invite()
			wrong := NewCode()
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			defer cancel()
			d, _ := NewDevice()
			_, err := wrong.Knock(ctx, box{o, wrong}, d, "x")
			cancel()
			_, _, old := i.Meet(ctx, box{o, i.Code})
			return outcome{old: old, new: err}
		}},
		{"a relay that guesses", ErrAnswer, nil, func(t *testing.T, c *computer, o *office) outcome {
			i, _ := c.Invite()
			wrong := NewCode()
			o.change = func(place int, message []byte) []byte {
				if place == 0 { // so that the one who guesses goes on
					message, _ = newSealer(wrong.key(), enrollLabel, Hash{}, 0).seal(DeviceID{}, 0, []byte(`{}`))
				}
				return message
			}
			return enrollment(t, c.Replica, i, box{o, i.Code}, box{o, i.Code}, wrong)
		}},
		{"a second guess", ErrSpent, nil, func(t *testing.T, c *computer, o *office) outcome {
			i, _ := c.Invite()
			b := box{o, i.Code}
			bad := box{newOffice(), i.Code}
			bad.change = flip(1)
			enrollment(t, c.Replica, i, bad, bad, i.Code)
			return enrollment(t, c.Replica, i, b, b, i.Code)
		}},
		{"an expired code", ErrExpired, nil, func(t *testing.T, c *computer, o *office) outcome {
			i, _ := c.Invite()
			i.now = func() time.Time { return epochStart.Add(codeLasts) }
			return enrollment(t, c.Replica, i, box{o, i.Code}, box{o, i.Code}, i.Code)
		}},
		{"a code used again", ErrSpent, ErrSpent, func(t *testing.T, c *computer, o *office) outcome {
			i, _ := c.Invite()
			b := box{o, i.Code}
			if first := enrollment(t, c.Replica, i, b, b, i.Code); first.old != nil || first.new != nil {
				t.Fatalf("the first time: %v, %v", first.old, first.new)
			}
			d, _ := NewDevice()
			_, again := i.Code.Knock(context.Background(), b, d, "second")
			_, _, old := i.Meet(context.Background(), b)
			return outcome{old: old, new: again}
		}},
		{"two that have the words", nil, ErrSpent, func(t *testing.T, c *computer, o *office) outcome {
			i, _ := c.Invite()
			b := box{o, i.Code}
			d, _ := NewDevice()
			s := newSealer(i.Code.key(), enrollLabel, Hash{}, 0)
			ctx, cancel := context.WithCancel(context.Background())
			met := make(chan error)
			go func() {
				_, _, err := i.Meet(ctx, b)
				met <- err
			}()
			// The first takes the place, and says nothing more.
			if _, err := readMessage(ctx, b, s, 0, &hello{}); err != nil {
				t.Fatal(err)
			}
			if _, err := postMessage(ctx, b, s, 1, request{bytes.Repeat([]byte{9}, 32), d.Member("first")}); err != nil {
				t.Fatal(err)
			}
			_, second := i.Code.Knock(ctx, b, d, "second")
			cancel()
			return outcome{old: <-met, new: second}
		}},
		{"the old one's key changed", nil, ErrAnswer, func(t *testing.T, c *computer, o *office) outcome { return changed(t, c, o, flip(0)) }},
		{"the request changed", ErrAnswer, nil, func(t *testing.T, c *computer, o *office) outcome { return changed(t, c, o, flip(1)) }},
		{"what is revealed changed", nil, ErrAnswer, func(t *testing.T, c *computer, o *office) outcome { return changed(t, c, o, flip(2)) }},
		{"the proof changed", ErrAnswer, nil, func(t *testing.T, c *computer, o *office) outcome { return changed(t, c, o, flip(3)) }},
		{"another key than was committed to", nil, ErrAnswer, func(t *testing.T, c *computer, o *office) outcome {
			i, _ := c.Invite()
			o.change = func(place int, message []byte) []byte {
				if place == 2 { // one who knows the words
					s := newSealer(i.Code.key(), enrollLabel, Hash{}, 0)
					message, _ = s.seal(DeviceID{}, 2, []byte(`{"ephemeral":"CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk="}`))
				}
				return message
			}
			return enrollment(t, c.Replica, i, box{o, i.Code}, box{o, i.Code}, i.Code)
		}},
		{"a member whose key the new one does not have", ErrAnswer, nil, func(t *testing.T, c *computer, o *office) outcome {
			i, _ := c.Invite()
			b := box{o, i.Code}
			met := make(chan error)
			go func() {
				_, _, err := i.Meet(context.Background(), b)
				met <- err
			}()
			own, err := ecdh.X25519().GenerateKey(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			other, _ := NewDevice()
			mine, _ := NewDevice()
			s := newSealer(i.Code.key(), enrollLabel, Hash{}, 0)
			var v reveal
			first, _ := readMessage(context.Background(), b, s, 0, &hello{})
			second, _ := postMessage(context.Background(), b, s, 1, request{own.PublicKey().Bytes(), other.Member("x")})
			readMessage(context.Background(), b, s, 2, &v)
			session, err := newSession(i.Code, own, v.Ephemeral, first, second, v.Ephemeral)
			if err != nil {
				t.Fatal(err)
			}
			signature := ed25519.Sign(mine.key, append([]byte(enrollLabel), session.transcript[:]...)) // and no more is wrong
			if _, err := postMessage(context.Background(), b, session.sealer, 3, proof{signature}); err != nil {
				t.Fatal(err)
			}
			return outcome{old: <-met}
		}},
		{"a message from elsewhere", ErrAnswer, nil, func(t *testing.T, c *computer, o *office) outcome {
			return changed(t, c, o, func(place int, message []byte) []byte {
				if place == 1 {
					return slices.Collect(maps.Values(o.boxes))[0][0] // the old device's own
				}
				return message
			})
		}},
		{"refused by the person", nil, ErrRefused, func(t *testing.T, c *computer, o *office) outcome {
			i, _ := c.Invite()
			b := box{o, i.Code}
			d, _ := NewDevice()
			done := make(chan error)
			go func() {
				_, _, err := i.Meet(context.Background(), b)
				if err == nil {
					err = i.Refuse(context.Background(), b)
				}
				done <- err
			}()
			v, err := i.Code.Knock(context.Background(), b, d, "x")
			if err != nil {
				t.Fatal(err)
			}
			_, err = v.Enter(context.Background())
			return outcome{old: <-done, new: err}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := copies(t, fixed)[0]
			o := newOffice()
			members := len(c.Devices())
			got := tt.do(t, c, o)
			if tt.old != nil && !errors.Is(got.old, tt.old) {
				t.Errorf("the old device gets %v, not %v", got.old, tt.old)
			}
			if tt.new != nil && !errors.Is(got.new, tt.new) {
				t.Errorf("the new device gets %v, not %v", got.new, tt.new)
			}
			if got.welcome.Epochs != nil {
				t.Error("it was let in")
			}
			if now := len(c.Devices()); now > members && tt.name != "a code used again" {
				t.Errorf("%d devices more", now-members)
			}
			if bytes.Contains(o.seen.Bytes(), []byte("laptop")) || bytes.Contains(o.seen.Bytes(), c.known.Epochs[1]) {
				t.Error("the relay has learnt something")
			}
		})
	}
}

func changed(t *testing.T, c *computer, o *office, change func(int, []byte) []byte) outcome {
	t.Helper()
	i, err := c.Invite()
	if err != nil {
		t.Fatal(err)
	}
	o.change = change
	return enrollment(t, c.Replica, i, box{o, i.Code}, box{o, i.Code}, i.Code)
}

// One between the two who knows the words, and talks to each with keys of their own: the
// check words are not the same, by which a person notices.
func TestWhoStandsBetweenShowsInTheCheckWords(t *testing.T) {
	c := copies(t, fixed)[0]
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for range 20 {
		i, err := c.Invite()
		if err != nil {
			t.Fatal(err)
		}
		left, right := box{newOffice(), i.Code}, box{newOffice(), i.Code}
		check := make(chan []string, 2)
		go func() {
			_, words, err := i.Meet(ctx, left)
			if err != nil {
				t.Error(err)
			}
			check <- words
		}()
		mallory, _ := NewDevice()
		fake := &Invitation{Code: i.Code, now: i.now, expires: i.expires}
		go fake.Meet(ctx, right)
		go i.Code.Knock(ctx, left, mallory, "new laptop")
		d, _ := NewDevice()
		v, err := i.Code.Knock(ctx, right, d, "new laptop")
		if err != nil {
			t.Fatal(err)
		}
		if old := <-check; slices.Equal(old, v.Check) {
			t.Fatalf("both show %q", old)
		}
	}
}

// One between the two who knows the words may send the old device's key on in any wrapping: the check words do not
// change, so there is nothing to try until those of both sides are the same.
func TestTheCheckWordsDoNotDependOnTheWrapping(t *testing.T) {
	c := copies(t, fixed)[0]
	i, err := c.Invite()
	if err != nil {
		t.Fatal(err)
	}
	o := newOffice()
	o.change = func(place int, message []byte) []byte {
		if place != 2 {
			return message
		}
		s := newSealer(i.Code.key(), enrollLabel, Hash{}, 0)
		_, _, raw, err := s.open(message)
		if err != nil {
			t.Error(err)
		}
		again, err := s.seal(DeviceID{}, 2, append(raw, ' '))
		if err != nil {
			t.Error(err)
		}
		return again
	}
	out := enrollment(t, c.Replica, i, box{o, i.Code}, box{o, i.Code}, i.Code)
	if out.old != nil || out.new != nil || !slices.Equal(out.check[0], out.check[1]) {
		t.Errorf("%v, %v: the check words are %q and %q", out.old, out.new, out.check[0], out.check[1])
	}
}

func TestWordsAreReadAsTyped(t *testing.T) {
	if n := len(wordList()); n != 2048 {
		t.Fatalf("%d words", n)
	}
	zero := Code{}
	if got := zero.Words(); got != strings.TrimSpace(strings.Repeat("abandon ", 10)) { // BIP-39, the first word
		t.Errorf("no bits are %q", got)
	}
	for range 200 {
		c := NewCode()
		short := strings.Fields(c.Words())
		for i, w := range short {
			short[i] = w[:min(4, len(w))]
		}
		for _, text := range []string{c.Words(), strings.ToUpper(c.Words()), strings.Join(short, "-"), " 1. " + strings.Join(short, ",\n2) ")} {
			if got, err := ParseCode(text); err != nil || got != c {
				t.Fatalf("ParseCode(%q) = %v, %v", text, got.Words(), err)
			}
		}
	}
	for _, tt := range []struct{ text, want string }{
		{"", "0 words, a code has 10"},
		{strings.Repeat("abandon ", 11), "11 words, a code has 10"},
		{strings.Repeat("abandon ", 9) + "xyzzy", "word 10 is not one of the list: look at it again"},
		{"aba " + strings.Repeat("abandon ", 9), "word 1 is not one of the list: look at it again"},
	} {
		if _, err := ParseCode(tt.text); err == nil || err.Error() != tt.want {
			t.Errorf("ParseCode(%q) = %v, want %s", tt.text, err, tt.want)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v %s", NewCode(), NewCode(), NewCode(), NewCode()); strings.Count(text, "[code]") != 4 {
		t.Errorf("a code prints as %s", text)
	}
}

func TestAFolderIsTidiedAfterAnEnrollment(t *testing.T) {
	path := t.TempDir()
	code := NewCode()
	b := code.FolderMailbox(path)
	if err := b.Post(context.Background(), 0, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := b.Post(context.Background(), 0, []byte("y")); !errors.Is(err, ErrTaken) {
		t.Errorf("a second message in a place: %v", err)
	}
	if err := Tidy(path); err != nil {
		t.Fatal(err)
	}
	if list, _ := os.ReadDir(filepath.Join(path, "codefob")); len(list) > 0 {
		t.Errorf("%v is left", list)
	}
}
