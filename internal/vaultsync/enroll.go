package vaultsync

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// What ends an enrollment. The words are spent then.
var (
	ErrNobody  = errors.New("nobody answers to these words: they are wrong, or older than two minutes")
	ErrExpired = errors.New("the words are older than two minutes")
	ErrSpent   = errors.New("the words were used already")
	ErrAnswer  = errors.New("somebody answered who is not the other device")
	ErrRefused = errors.New("the person at the other computer said no")
)

// codeLasts is how long a code is good, and how long a person has to compare the check words.
const codeLasts = 2 * time.Minute

// Mailbox carries the few messages of an enrollment, each in a place of its own, from 0. It is trusted with nothing.
type Mailbox interface {
	Post(ctx context.Context, place int, message []byte) error // ErrTaken where there is one
	Read(ctx context.Context, place int) ([]byte, error)       // waits for it
}

// The messages. The new device shows its key when the old one has committed itself to one, and before it sees
// that: so nobody between them can try keys until the check words are the same.
type (
	hello struct { // 0, of the old device: the hash of its key
		Commitment Hash `json:"commitment"`
	}
	request struct { // 1, of the new one
		Ephemeral []byte `json:"ephemeral"`
		Member    Member `json:"member"`
	}
	reveal struct { // 2, of the old one
		Ephemeral []byte `json:"ephemeral"`
	}
	proof struct { // 3, of the new one: it has the key of the member
		Signature []byte `json:"signature"`
	}
	answer struct { // 4, of the old one, when its person has agreed
		Refused bool     `json:"refused,omitzero"`
		Welcome *Welcome `json:"welcome,omitzero"`
	}
)

// postMessage seals a message and puts it in its place. It returns what both hash.
func postMessage(ctx context.Context, box Mailbox, s *sealer, place int, message any) ([]byte, error) {
	raw, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	sealed, err := s.seal(DeviceID{}, uint64(place), raw)
	if err != nil {
		return nil, err
	}
	if err := box.Post(ctx, place, sealed); errors.Is(err, ErrTaken) {
		return nil, ErrSpent
	} else if err != nil {
		return nil, err
	}
	return sealed, nil
}

// readMessage waits for a message and opens it. Whatever is wrong with it is ErrAnswer.
func readMessage(ctx context.Context, box Mailbox, s *sealer, place int, message any) ([]byte, error) {
	sealed, err := box.Read(ctx, place)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = ErrNobody
		}
		return nil, err
	}
	return sealed, openMessage(s, place, sealed, message)
}

func openMessage(s *sealer, place int, sealed []byte, message any) error {
	_, n, raw, err := s.open(sealed)
	if err != nil || n != uint64(place) || json.Unmarshal(raw, message) != nil {
		return ErrAnswer
	}
	return nil
}

const enrollLabel = "codefob enrollment 1"

// session is what both have once the keys are exchanged.
type session struct {
	*sealer
	transcript Hash
	check      []string
}

// newSession makes it of the first two messages as they were sent, and of the old device's key. Not of the
// message that brings that key: who stands between could seal it with ever other nonces then, until the check
// words are the same.
func newSession(c Code, own *ecdh.PrivateKey, other []byte, first, second, old []byte) (*session, error) {
	public, err := ecdh.X25519().NewPublicKey(other)
	if err != nil {
		return nil, ErrAnswer
	}
	secret, err := own.ECDH(public)
	if err != nil {
		return nil, ErrAnswer
	}
	var hashes []byte
	for _, m := range [][]byte{first, second, old} {
		sum := sha256.Sum256(m)
		hashes = append(hashes, sum[:]...)
	}
	transcript := Hash(sha256.Sum256(hashes))
	k := c.key()
	mixed := key(sha256.Sum256(append(append(k[:], secret...), transcript[:]...)))
	check := mixed.derive("check words")
	return &session{newSealer(mixed.derive("session"), enrollLabel, transcript, 0), transcript, wordsOf(check[:], checkWords)}, nil
}

// Invitation is the old device's side of an enrollment.
type Invitation struct {
	Code    Code
	now     func() time.Time
	expires time.Time
	spent   bool
	until   time.Time // when the new device goes
	*session
}

// Invite makes an invitation of a member. It can be used once.
func (r *Replica) Invite() (*Invitation, error) {
	if err := r.member(); err != nil {
		return nil, err
	}
	return &Invitation{Code: NewCode(), now: r.now, expires: r.now().Add(codeLasts)}, nil
}

// Meet waits for the new device, until the words expire. It gives what it calls itself, and the words
// that both show: a person compares them before [Replica.Add] and Welcome.
func (i *Invitation) Meet(ctx context.Context, box Mailbox) (m Member, check []string, err error) {
	if i.spent {
		return m, nil, ErrSpent
	}
	i.spent = true
	left := i.expires.Sub(i.now())
	if left <= 0 {
		return m, nil, ErrExpired
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	s := newSealer(i.Code.key(), enrollLabel, Hash{}, 0)
	own, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return m, nil, err
	}
	public := own.PublicKey().Bytes()
	first, err := postMessage(ctx, box, s, 0, hello{sha256.Sum256(public)})
	if err != nil {
		return m, nil, err
	}
	var q request
	second, err := readMessage(ctx, box, s, 1, &q)
	if errors.Is(err, ErrNobody) || err == nil && i.now().After(i.expires) {
		err = ErrExpired
	}
	if err == nil && q.Member.check() != nil {
		err = ErrAnswer
	}
	if err != nil {
		return m, nil, err
	}
	if _, err := postMessage(ctx, box, s, 2, reveal{public}); err != nil {
		return m, nil, err
	}
	session, err := newSession(i.Code, own, q.Ephemeral, first, second, public)
	if err != nil {
		return m, nil, err
	}
	var p proof
	if _, err := readMessage(ctx, box, session.sealer, 3, &p); err != nil {
		return m, nil, err
	}
	if !ed25519.Verify(q.Member.Key, append([]byte(enrollLabel), session.transcript[:]...), p.Signature) {
		return m, nil, ErrAnswer
	}
	i.session, i.until = session, i.now().Add(codeLasts)
	return q.Member, session.check, nil
}

// Waits tells whether the new device waits for the answer yet. It is to be asked before [Replica.Add].
func (i *Invitation) Waits() bool { return i.session != nil && i.now().Before(i.until) }

// Welcome lets the new device in, with what [Replica.Add] gave.
func (i *Invitation) Welcome(ctx context.Context, box Mailbox, w Welcome) error {
	return i.answer(ctx, box, answer{Welcome: &w})
}

// Refuse tells the new device that the person did not agree.
func (i *Invitation) Refuse(ctx context.Context, box Mailbox) error {
	return i.answer(ctx, box, answer{Refused: true})
}

func (i *Invitation) answer(ctx context.Context, box Mailbox, a answer) error {
	if i.session == nil {
		return ErrSpent
	}
	_, err := postMessage(ctx, box, i.sealer, 4, a)
	i.session = nil
	return err
}

// Visit is the new device's side of an enrollment.
type Visit struct {
	Check []string // to be compared with what the old device shows
	box   Mailbox
	*session
}

// Knock answers an invitation, with the keys of a new device and its name.
func (c Code) Knock(ctx context.Context, box Mailbox, d *Device, name string) (*Visit, error) {
	m := d.Member(name)
	if err := m.check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, codeLasts)
	defer cancel()
	s := newSealer(c.key(), enrollLabel, Hash{}, 0)
	var h hello
	first, err := readMessage(ctx, box, s, 0, &h)
	if err != nil {
		return nil, err
	}
	own, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	second, err := postMessage(ctx, box, s, 1, request{own.PublicKey().Bytes(), m})
	if err != nil {
		return nil, err
	}
	var v reveal
	if _, err := readMessage(ctx, box, s, 2, &v); err != nil {
		return nil, err
	}
	if sha256.Sum256(v.Ephemeral) != h.Commitment {
		return nil, ErrAnswer
	}
	session, err := newSession(c, own, v.Ephemeral, first, second, v.Ephemeral)
	if err != nil {
		return nil, err
	}
	signature := ed25519.Sign(d.key, append([]byte(enrollLabel), session.transcript[:]...))
	if _, err := postMessage(ctx, box, session.sealer, 3, proof{signature}); err != nil {
		return nil, err
	}
	return &Visit{session.check, box, session}, nil
}

// Enter waits until the person at the old device has agreed. What it gives is for [Join].
func (v *Visit) Enter(ctx context.Context) (Welcome, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*codeLasts)
	defer cancel()
	var a answer
	if _, err := readMessage(ctx, v.box, v.sealer, 4, &a); err != nil {
		return Welcome{}, err
	}
	switch {
	case a.Refused:
		return Welcome{}, ErrRefused
	case a.Welcome == nil || len(a.Welcome.Epochs[1]) != len(key{}):
		return Welcome{}, ErrAnswer
	}
	return *a.Welcome, nil
}

// folderMailbox is a mailbox in a folder that is carried to both.
type folderMailbox struct{ path, folder string }

// FolderMailbox is the mailbox of a code in the folder path of [Replica.Folder].
func (c Code) FolderMailbox(path string) Mailbox {
	k := c.key().derive("folder")
	return folderMailbox{path, filepath.Join(path, "codefob", "enroll-"+hex.EncodeToString(k[:8]))}
}

func (f folderMailbox) name(place int) string { return fmt.Sprintf("%d.msg", place) }

func (f folderMailbox) Post(_ context.Context, place int, message []byte) error {
	if info, err := os.Stat(f.path); err != nil || !info.IsDir() {
		return fmt.Errorf("%w: %s", ErrGone, f.path)
	}
	if err := os.MkdirAll(f.folder, 0o700); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(f.folder, f.name(place))); err == nil {
		return ErrTaken
	}
	return writeWhole(f.folder, f.name(place), wholeFile(message))
}

func (f folderMailbox) Read(ctx context.Context, place int) ([]byte, error) {
	for {
		if info, err := os.Lstat(filepath.Join(f.folder, f.name(place))); err == nil && info.Mode().IsRegular() {
			if message, ok := readWhole(filepath.Join(f.folder, f.name(place))); ok {
				return message, nil
			}
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Tidy removes what enrollments have left in a folder, once none is under way.
func Tidy(path string) error {
	list, err := os.ReadDir(filepath.Join(path, "codefob"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range slices.DeleteFunc(list, func(e fs.DirEntry) bool { return !strings.HasPrefix(e.Name(), "enroll-") }) {
		err = errors.Join(err, os.RemoveAll(filepath.Join(path, "codefob", e.Name())))
	}
	return err
}
