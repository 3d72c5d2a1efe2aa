package vault

import (
	"bytes"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"filippo.io/age"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Act is what a record of the log tells of.
type Act string

// The acts. Those without a host beside them let the user see something.
const (
	ActFill     Act = "fill"     // a one-time code went into a page
	ActShow     Act = "show"     // the popup showed one
	ActCopy     Act = "copy"     // the popup put one into the clipboard
	ActRecovery Act = "recovery" // one recovery code was given out
	ActPrint    Act = "print"    // the command line printed a one-time code
	ActSheet    Act = "sheet"    // the command line printed all recovery codes of an account
	ActExport   Act = "export"   // secrets were written to a file, or shown as QR codes
	ActBackup   Act = "backup"   // the vault was written to a sealed file
	ActClear    Act = "clear"    // the log was emptied
)

// Record says what became of an account's codes. There is no code in it, and no secret.
type Record struct {
	At       time.Time // the last time of several
	Since    time.Time // the first time
	Times    int       // how often the very same was refused; else 1
	Act      Act
	Account  string // its id; may be empty
	Label    string // the account's at the time; may be empty, and may be cut off
	Accounts int    // how many, of an export or a backup
	Host     string // as shown to people; empty where there is none, or it may not be kept
	By       string // the browser, or "command line"
	Refused  string // why it was not done; empty for what was
}

// CommandLine stands in [Record.By].
const CommandLine = "command line"

const (
	slotSize   = 1024               // of a record, sealed: within a page
	recordSize = slotSize - 12 - 16 // without the nonce and the tag of AES-GCM

	released, refused = 0, 1 // the two rings of the log
)

// rings says how many of its newest records each ring keeps. They are apart: what is
// refused, however often, does not push out what was released.
var rings = [2]struct{ first, slots uint64 }{{0, 1000}, {1000, 200}}

const logSize = (1000 + 200) * slotSize // in bytes; of an unused slot, zeros

var emptySlot [slotSize]byte

// logFile is log.sealed: slots of one size, each empty or with one record, sealed on its
// own with a key made from the vault's identity. The records of a ring are numbered
// from 1, and number n has the slot n modulo their number. The last numbers are in
// the state, whose lock is the log's too: a record that should be there and is not
// is missed.
type logFile struct {
	name string
	disk disk
	key  cipher.AEAD // nil while the vault is locked

	// Open and mapped since the first record: this is on the way of every code.
	file   sharedFile
	mapped []byte // nil where it cannot be mapped
	plain  [recordSize]byte
	sealed [slotSize]byte
}

// logRecord is a record as it is sealed, filled up with blanks to recordSize.
type logRecord struct {
	Number   uint64 `json:"n"`
	At       int64  `json:"at"` // in milliseconds since 1970
	Since    int64  `json:"since"`
	Times    int    `json:"times"`
	Act      Act    `json:"act"`
	Account  string `json:"id"`
	Label    string `json:"label"`
	Accounts int    `json:"accounts"`
	Host     string `json:"host"`
	By       string `json:"by"`
	Refused  string `json:"refused"`
}

func (l *logFile) unlock(identity *age.X25519Identity) {
	m := hmac.New(sha256.New, []byte(identity.String()))
	m.Write([]byte("codefob log"))
	block, err := aes.NewCipher(m.Sum(nil))
	if err == nil {
		l.key, err = cipher.NewGCMWithRandomNonce(block)
	}
	if err != nil {
		panic(err) // the key has its size
	}
}

func (l *logFile) forget() {
	l.close()
	l.key = nil
}

func (l *logFile) close() {
	if l.file != nil {
		unmap(l.mapped)
		l.file.Close()
	}
	l.file, l.mapped = nil, nil
}

// open opens the file, if it is not open or was replaced, and gives it its size. The
// state's lock is held.
func (l *logFile) open() (err error) {
	for range 2 {
		if l.file == nil {
			if l.file, err = l.disk.OpenShared(l.name); err != nil {
				return err
			}
		}
		var size int64
		var gone bool
		if size, gone, err = l.file.Size(); err == nil && !gone {
			if size != logSize {
				err = l.file.Truncate(logSize)
			}
			if l.mapped == nil && err == nil {
				l.mapped = l.file.Map(logSize)
			}
			if err == nil {
				return nil
			}
		}
		l.close()
	}
	return cmp.Or(err, errGone)
}

var errGone = errors.New("the file was taken away")

// read gives the slots of a ring. The state's lock is held.
func (l *logFile) read(ring int) ([]byte, error) {
	if err := l.open(); err != nil {
		return nil, err
	}
	content := make([]byte, rings[ring].slots*slotSize)
	_, err := l.file.ReadAt(content, int64(rings[ring].first*slotSize))
	return content, err
}

// add numbers a record and writes it. What was refused in the very same way before
// is counted there. The state's lock is held.
//
// Nothing is held up by a record that cannot be written, so that a full disk locks
// nobody out. Its number is used up: the log misses it.
func (l *logFile) add(st *state, r logRecord) error {
	ring := released
	if r.Refused != "" {
		ring = refused
	}
	if st.log[ring] == 0 || ring == refused { // the state may be lost
		content, err := l.read(ring)
		if err != nil {
			st.log[ring]++
			return err
		}
		old := l.records(content, ring)
		for _, o := range old {
			st.log[ring] = max(st.log[ring], o.Number)
		}
		if i := slices.IndexFunc(old, r.same); i >= 0 && ring == refused {
			o := old[i]
			r.Number, r.Since, r.Times = o.Number, o.since(), o.times()+1
			return l.write(ring, r)
		}
	}
	st.log[ring]++
	r.Number = st.log[ring]
	return l.write(ring, r)
}

// write seals a record into its slot.
func (l *logFile) write(ring int, r logRecord) error {
	if err := l.open(); err != nil {
		return err
	}
	plain := r.append(l.plain[:0])
	if len(plain) > recordSize {
		return errors.New("the record is too long")
	}
	plain = append(plain, blanks[:recordSize-len(plain)]...)
	slot := slotOf(ring, r.Number)
	return l.store(l.key.Seal(l.sealed[:0], nil, plain, place(slot)), slot*slotSize)
}

func (l *logFile) store(content []byte, at uint64) error {
	if l.mapped != nil {
		return copyMapped(l.mapped[at:], content)
	}
	_, err := l.file.WriteAt(content, int64(at))
	return err
}

// append writes the record as JSON: reflection would take 2 µs of a code's 20.
func (r logRecord) append(b []byte) []byte {
	number := func(name string, n int64) {
		if n != 0 {
			b = strconv.AppendInt(append(append(append(b, ",\""...), name...), "\":"...), n, 10)
		}
	}
	text := func(name, text string) {
		if text != "" {
			b = append(append(append(b, ",\""...), name...), "\":"...)
			b, _ = jsontext.AppendQuote(b, text) // an error is of a character, which is replaced
		}
	}
	b = strconv.AppendUint(append(b, `{"n":`...), r.Number, 10)
	number("at", r.At)
	number("since", r.Since)
	number("times", int64(r.Times))
	text("act", string(r.Act))
	text("id", r.Account)
	text("label", r.Label)
	number("accounts", int64(r.Accounts))
	text("host", r.Host)
	text("by", r.By)
	text("refused", r.Refused)
	return append(b, '}')
}

// The longest texts of a record, in bytes. Quoted, they fit into a slot together.
const (
	maxLogID    = 64  // a longer one is not ours
	maxLogLabel = 128 // cut at its end
	maxLogHost  = 300 // cut at its start: the end says whose it is
)

func (v *Vault) logRecord(r Record) logRecord {
	if len(r.Account) > maxLogID {
		r.Account = ""
	}
	if len(r.Label) > maxLogLabel {
		r.Label = strings.ToValidUTF8(r.Label[:maxLogLabel], "") + "…"
	}
	if over := len(r.Host) - maxLogHost; over > 0 {
		r.Host = "…" + strings.ToValidUTF8(r.Host[over:], "")
	}
	return logRecord{At: v.now().UnixMilli(), Act: r.Act, Account: r.Account, Label: r.Label, Accounts: r.Accounts, Host: r.Host, By: r.By, Refused: r.Refused}
}

func slotOf(ring int, number uint64) uint64 {
	return rings[ring].first + number%rings[ring].slots
}

// place binds a sealed record to its slot.
func place(slot uint64) []byte { return binary.BigEndian.AppendUint64(nil, slot) }

// records opens those of the slots of a ring that can be opened.
func (l *logFile) records(slots []byte, ring int) (list []logRecord) {
	for i := range rings[ring].slots {
		slot, sealed := rings[ring].first+i, slots[i*slotSize:(i+1)*slotSize]
		if bytes.Equal(sealed, emptySlot[:]) {
			continue
		}
		plain, err := l.key.Open(l.plain[:0], nil, sealed, place(slot))
		if err != nil { // torn, or not ours
			continue
		}
		if r, ok := parseRecord(plain); ok && slotOf(ring, r.Number) == slot {
			list = append(list, r)
		}
	}
	return list
}

func parseRecord(plain []byte) (r logRecord, ok bool) {
	const end = 1 << 47 // in the year 6429
	err := json.Unmarshal(plain, &r)
	sound := 0 < r.Number && r.Number < end && 0 <= r.At && r.At < end && 0 <= r.Since && r.Since < end && 0 <= r.Times && 0 <= r.Accounts
	return r, err == nil && sound && utf8.ValidString(r.Label+r.Host+r.By+r.Refused)
}

// same tells whether two records differ in their times only.
func (r logRecord) same(o logRecord) bool {
	o.Number, o.At, o.Since, o.Times = r.Number, r.At, r.Since, r.Times
	return r == o
}

func (r logRecord) times() int { return max(1, r.Times) }

func (r logRecord) since() int64 {
	if r.Times > 1 {
		return r.Since
	}
	return r.At
}

// LogFile is the path of the file that holds the log.
func (v *Vault) LogFile() string { return v.log.name }

// Note puts a record with the time of now into the log. [Vault.Spend] does so for what it lets pass.
func (v *Vault) Note(r Record) error {
	return v.withLog(func(st *state) error { return v.log.add(st, v.logRecord(r)) })
}

// withLog does something with the log, as one with respect to all programs.
func (v *Vault) withLog(do func(*state) error) error {
	var failed error
	err := v.state.change(func(st *state) { failed = do(st) })
	if err == nil && failed != nil {
		err = fmt.Errorf("%w: %s: %w", ErrStorage, v.log.name, failed)
	}
	return err
}

// Log lists the records, the newest first. missing counts those that should be there
// and are not, or cannot be read: somebody changed the file, or a disk failed.
func (v *Vault) Log() (list []Record, missing int, err error) {
	var last [2]uint64
	var slots [2][]byte
	err = v.withLog(func(st *state) (err error) {
		last = st.log
		for ring := range slots {
			if slots[ring], err = v.log.read(ring); err != nil {
				break
			}
		}
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	list, missing = v.log.list(slots, last)
	return list, missing, nil
}

// list reads the two rings of a log whose last records had these numbers.
func (l *logFile) list(slots [2][]byte, last [2]uint64) (list []Record, missing int) {
	for ring, last := range last {
		found := l.records(slots[ring], ring)
		for _, r := range found {
			last = max(last, r.Number)
		}
		missing += int(min(last, rings[ring].slots))
		for _, r := range found {
			if last-r.Number >= rings[ring].slots {
				continue // an older one in the place of one that is missing
			}
			missing--
			list = append(list, Record{time.UnixMilli(r.At), time.UnixMilli(r.since()), r.times(), r.Act, r.Account, r.Label, r.Accounts, r.Host, r.By, r.Refused})
		}
	}
	slices.SortStableFunc(list, func(a, b Record) int { return b.At.Compare(a.At) })
	return list, missing
}

// ClearLog empties the log; by is told in the first record of the new one.
func (v *Vault) ClearLog(by string) error {
	return v.withLog(func(st *state) error {
		err := v.log.open()
		if err == nil {
			err = v.log.store(make([]byte, logSize), 0)
		}
		if err == nil {
			st.log = [2]uint64{}
			err = v.log.add(st, v.logRecord(Record{Act: ActClear, By: by}))
		}
		return err
	})
}
