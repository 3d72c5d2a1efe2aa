package vault

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"filippo.io/age"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"codefob/internal/account"
)

// schema is the version of the JSON in accounts.age.
const schema = 1

// keepRemoved is how long a removed account can be brought back.
const keepRemoved = 90 * 24 * time.Hour

// envelope is the JSON in accounts.age; T is the form of an account in it.
type envelope[T any] struct {
	Schema     int            `json:"schema"`
	Generation uint64         `json:"generation"` // counts the saves
	Vault      string         `json:"vault"`      // random, never changes
	Accounts   []T            `json:"accounts"`
	Taught     jsontext.Value `json:"taught,omitzero"`    // []taughtSite, read when it is asked for
	Reminders  jsontext.Value `json:"reminders,omitzero"` // []reminder, likewise
	Unknown    jsontext.Value `json:",embed"`             // from newer versions: kept
}

// record is one account in accounts.age. Times are in milliseconds since 1970.
type record struct {
	ID         string   `json:"id"`
	Type       string   `json:"type"`
	Issuer     string   `json:"issuer,omitzero"`
	Name       string   `json:"name,omitzero"`
	Secret     string   `json:"secret,omitzero"`    // base32 without padding
	PIN        string   `json:"pin,omitzero"`       // of motp and yandex, as it is typed
	Algorithm  string   `json:"algorithm,omitzero"` // SHA1 if left out
	Digits     int      `json:"digits"`
	Period     int      `json:"period,omitzero"`  // seconds
	Counter    uint64   `json:"counter,omitzero"` // of the next code
	Sites      []string `json:"sites,omitzero"`
	Append     bool     `json:"append,omitzero"`
	Submit     bool     `json:"submit,omitzero"`
	Ask        bool     `json:"ask,omitzero"`
	Created    int64    `json:"created"`
	LabelsAt   int64    `json:"labelsAt,omitzero"`   // when issuer or name changed, if they did
	SitesAt    int64    `json:"sitesAt,omitzero"`    // when sites changed
	AppendAt   int64    `json:"appendAt,omitzero"`   // when append changed
	SubmitAt   int64    `json:"submitAt,omitzero"`   // when submit changed
	AskAt      int64    `json:"askAt,omitzero"`      // when ask changed
	PINAt      int64    `json:"pinAt,omitzero"`      // when pin changed
	RemovedAt  int64    `json:"removedAt,omitzero"`  // a tombstone, if not zero
	RestoredAt int64    `json:"restoredAt,omitzero"` // when it was last brought back
	recovery
	Unknown jsontext.Value `json:",embed"`
}

// document is accounts.age, understood.
type document struct {
	envelope[record]
	aside       []jsontext.Value // accounts that are not understood: kept
	asideErrors []error          // why, in the same order
}

func newDocument() *document {
	return &document{envelope: envelope[record]{Schema: schema, Vault: rand.Text()}}
}

// parseDocument reads the JSON of accounts.age. It returns [ErrNewer] or
// [ErrDamaged]; one bad account is set aside and does not refuse the rest.
func parseDocument(plain []byte) (*document, error) {
	d := new(document)
	d.Accounts = make([]record, 0, bytes.Count(plain, []byte(`"id":`))) // a guess, so that it need not grow
	if err := json.Unmarshal(plain, &d.envelope); err != nil || d.Schema != schema {
		// Once more, slowly: find out which version it is and which account is bad.
		var version struct {
			Schema int `json:"schema"`
		}
		if json.Unmarshal(plain, &version) == nil && version.Schema > schema {
			return nil, fmt.Errorf("%w: schema %d, this one knows %d", ErrNewer, version.Schema, schema)
		}
		var loose envelope[jsontext.Value]
		if json.Unmarshal(plain, &loose) != nil || loose.Schema != schema {
			return nil, fmt.Errorf("%w: accounts are not JSON as expected", ErrDamaged)
		}
		d.envelope = envelope[record]{Schema: loose.Schema, Generation: loose.Generation, Vault: loose.Vault,
			Taught: loose.Taught, Reminders: loose.Reminders, Unknown: loose.Unknown}
		for i, raw := range loose.Accounts {
			var r record
			if err := json.Unmarshal(raw, &r); err != nil {
				d.setAside(raw, fmt.Errorf("account %d is not JSON as expected", i+1))
				continue
			}
			d.Accounts = append(d.Accounts, r)
		}
	}
	if d.Vault == "" {
		return nil, fmt.Errorf("%w: accounts have no vault id", ErrDamaged)
	}
	return d, nil
}

func (d *document) setAside(raw jsontext.Value, why error) {
	d.aside = append(d.aside, raw)
	d.asideErrors = append(d.asideErrors, why)
}

// live are the accounts that can be used, and where each id stands among them.
// What cannot be used is set aside.
func (d *document) live() ([]account.Account, map[string]int) {
	accounts := make([]account.Account, 0, len(d.Accounts))
	byID := make(map[string]int, len(d.Accounts))
	good := d.Accounts[:0]
	for _, r := range d.Accounts {
		if r.RemovedAt != 0 && r.ID != "" {
			good = append(good, r)
			continue
		}
		a, err := r.account()
		if r.ID == "" {
			err = errors.New("has no id")
		} else if _, twice := byID[r.ID]; twice {
			err = errors.New("has the id of another account")
		}
		if err != nil {
			raw, _ := json.Marshal(r) // what was just read can be written
			d.setAside(raw, fmt.Errorf("account %q: %w", a.Label(), err))
			continue
		}
		byID[r.ID] = len(accounts)
		good, accounts = append(good, r), append(accounts, a)
	}
	d.Accounts = good
	return accounts, byID
}

// write writes the JSON for accounts.age.
func (d *document) write(w io.Writer) error {
	if len(d.aside) == 0 {
		return json.MarshalWrite(w, &d.envelope)
	}
	all := envelope[jsontext.Value]{Schema: d.Schema, Generation: d.Generation, Vault: d.Vault,
		Taught: d.Taught, Reminders: d.Reminders, Unknown: d.Unknown}
	for i := range d.Accounts {
		raw, err := json.Marshal(&d.Accounts[i])
		if err != nil {
			return err
		}
		all.Accounts = append(all.Accounts, raw)
	}
	all.Accounts = append(all.Accounts, d.aside...)
	return json.MarshalWrite(w, &all)
}

// seal gives accounts.age, and the SHA-256 of what it opens to. The JSON is never in
// memory as a whole.
func (d *document) seal(to age.Recipient) (sealed []byte, sum [sha256.Size]byte, err error) {
	var out bytes.Buffer
	out.Grow(256 * (len(d.Accounts) + 4)) // so that it need not grow
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, sum, err
	}
	hash := sha256.New()
	if err := d.write(io.MultiWriter(w, hash)); err != nil {
		return nil, sum, err
	}
	hash.Sum(sum[:0])
	err = w.Close()
	return out.Bytes(), sum, err
}

func (r *record) account() (account.Account, error) {
	a := account.Account{
		ID: r.ID, Type: account.Type(r.Type), Issuer: r.Issuer, Name: r.Name, Algorithm: account.Algorithm(r.Algorithm),
		Digits: r.Digits, Period: time.Duration(r.Period) * time.Second, Counter: r.Counter, Sites: r.Sites,
		Append: r.Append, Submit: r.Submit, Ask: r.Ask, RecoveryCodes: r.recovery.codes(),
	}
	if a.Algorithm == "" {
		a.Algorithm = account.SHA1
	}
	if r.Period < 0 || r.Period > 86400 { // before the multiplication can wrap around
		return a, fmt.Errorf("period of %d s", r.Period)
	}
	secret, err := account.ParseSecret(r.Secret)
	if err != nil {
		return a, err
	}
	a.Secret = secret
	if r.PIN != "" {
		a.PIN = account.NewSecret([]byte(r.PIN))
	}
	return a, a.Validate()
}

// set writes a's fields into the record, and the clock of those that change: it
// moves forward even if the computer's was set back.
func (r *record) set(a account.Account, now int64) {
	if r.Issuer != a.Issuer || r.Name != a.Name {
		r.Issuer, r.Name, r.LabelsAt = a.Issuer, a.Name, max(now, r.Created+1, r.LabelsAt+1)
	}
	if !slices.Equal(r.Sites, a.Sites) {
		r.Sites, r.SitesAt = a.Sites, max(now, r.Created+1, r.SitesAt+1)
	}
	if r.Append != a.Append {
		r.Append, r.AppendAt = a.Append, max(now, r.Created+1, r.AppendAt+1)
	}
	if r.Submit != a.Submit {
		r.Submit, r.SubmitAt = a.Submit, max(now, r.Created+1, r.SubmitAt+1)
	}
	if r.Ask != a.Ask {
		r.Ask, r.AskAt = a.Ask, max(now, r.Created+1, r.AskAt+1)
	}
	if pin := string(a.PIN.Bytes()); r.PIN != pin {
		r.PIN, r.PINAt = pin, max(now, r.Created+1, r.PINAt+1)
	}
	r.recovery.set(a.RecoveryCodes, max(now, r.Created+1))
	r.Type, r.Secret, r.Digits, r.Counter = string(a.Type), a.Secret.Base32(), a.Digits, a.Counter
	r.Algorithm, r.Period = string(a.Algorithm), int(a.Period/time.Second)
	if a.Algorithm == account.SHA1 {
		r.Algorithm = ""
	}
}

// restorable tells whether a tombstone keeps its account for some time yet.
func (r *record) restorable(now int64) bool {
	return now-r.RemovedAt <= keepRemoved.Milliseconds()
}

// forgetRemoved drops what tombstones older than keepRemoved still hold.
func (d *document) forgetRemoved(now int64) {
	for i, r := range d.Accounts {
		if r.RemovedAt != 0 && !r.restorable(now) {
			d.Accounts[i] = record{ID: r.ID, Created: r.Created, RemovedAt: r.RemovedAt, Unknown: r.Unknown}
		}
	}
}

// seal encrypts to recipients, as the age tool would (age-encryption.org/v1).
func seal(plain []byte, recipients ...age.Recipient) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(plain) + len(plain)/1024 + 1024) // 16 bytes every 64 KiB, and the header
	w, err := age.Encrypt(&out, recipients...)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// holds tells whether sealed opens to what has that SHA-256.
func holds(sealed []byte, sum [sha256.Size]byte, identity age.Identity) error {
	r, err := age.Decrypt(bytes.NewReader(sealed), identity)
	if err != nil {
		return err
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		return err
	}
	if sum != [sha256.Size]byte(hash.Sum(nil)) {
		return errDiffers
	}
	return nil
}

// unseal opens sealed in its own memory, which is lost: what was written never gets
// ahead of what was read.
func unseal(sealed []byte, identities ...age.Identity) ([]byte, error) {
	r, size, err := age.DecryptReaderAt(bytes.NewReader(sealed), int64(len(sealed)), identities...)
	if err != nil {
		return nil, err
	}
	plain := sealed[:size]
	if _, err := r.ReadAt(plain, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return plain, nil
}
