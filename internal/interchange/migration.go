package interchange

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"codefob/internal/account"
)

const (
	migrationScheme = "otpauth-migration:"

	// maxParts bounds the codes of one export, and of one file. Google Authenticator makes one for about ten accounts.
	maxParts = MaxEntries / 10

	maxMigrationURI = 64 << 10 // bytes; a QR code holds 3 KiB
)

var errMigration = errors.New("damaged export of Google Authenticator")

// Part is one code of an export of Google Authenticator.
type Part struct {
	Batch       int32 // the export that it belongs to
	Index, Size int   // the first is 0
}

// MissingParts names the parts that have not come, as in "part 2 of 3 is missing".
// Parts may come in any order, and again.
func MissingParts(parts []Part) (missing []string) {
	come := make(map[int32]map[int]bool) // by batch, the indexes
	for _, p := range parts {
		if come[p.Batch] == nil {
			come[p.Batch] = make(map[int]bool)
		}
		come[p.Batch][p.Index] = true
	}
	for _, p := range parts {
		indexes := come[p.Batch]
		delete(come, p.Batch) // said once
		for i := range p.Size {
			if indexes != nil && !indexes[i] {
				missing = append(missing, fmt.Sprintf("part %d of %d is missing", i+1, p.Size))
			}
		}
	}
	return missing
}

// isMigration tells a list of URIs that has a part of an export in it.
func isMigration(data []byte) bool { return anyLine(data, isMigrationURI) }

func isMigrationURI(line []byte) bool {
	return len(line) >= len(migrationScheme) && strings.EqualFold(string(line[:len(migrationScheme)]), migrationScheme)
}

// addMigration adds what one part holds, unless it has come before. It is
// [ErrTooMany] with more entries than a file may have.
func (r *Result) addMigration(where, uri string) error {
	part, entries, err := parseMigration(uri)
	switch {
	case errors.Is(err, ErrTooMany):
		return err
	case err != nil:
		r.Errors = append(r.Errors, EntryError{where, err})
		return nil
	case slices.Contains(r.Parts, part):
		return nil
	case len(r.Parts) == maxParts || len(r.Accounts)+len(r.Errors)+len(entries) > MaxEntries:
		return ErrTooMany
	}
	r.Parts = append(r.Parts, part)
	before := r.Accounts
	for i, data := range entries {
		d, err := parseMigrated(data)
		var a account.Account
		if err == nil {
			a, err = d.account()
		}
		if err != nil {
			r.Errors = append(r.Errors, EntryError{labelled(fmt.Sprintf("%s, entry %d", where, i+1), d.issuer, d.name), err})
			continue
		}
		if !slices.ContainsFunc(before, func(b account.Account) bool { return twins(a, b) }) { // of an export made twice
			r.Accounts = append(r.Accounts, a)
		}
	}
	return nil
}

// twins tells whether two accounts are equal in all that an export of Google Authenticator holds.
func twins(a, b account.Account) bool {
	return a.Issuer == b.Issuer && a.Name == b.Name && a.Type == b.Type && a.Algorithm == b.Algorithm &&
		a.Digits == b.Digits && a.Counter == b.Counter && a.Secret.Equal(b.Secret)
}

// parseMigration reads
//
//	otpauth-migration://offline?data=BASE64
//
// The base64 is standard, percent-encoded; some programs leave it unescaped, so that
// + comes as a space, or write base64url. Below it is a protobuf message
// (beemdevelopment/Aegis app/src/main/proto/google_auth.proto). The entries are as
// they stand there.
func parseMigration(uri string) (part Part, entries [][]byte, err error) {
	if len(uri) > maxMigrationURI {
		return part, nil, errMigration
	}
	_, query, _ := strings.Cut(uri, "?")
	var encoded string
	for pair := range strings.SplitSeq(query, "&") {
		if value, found := strings.CutPrefix(pair, "data="); found {
			encoded = value
		}
	}
	if plain, err := url.PathUnescape(encoded); err == nil { // leaves + as it is
		encoded = plain
	}
	encoded = strings.NewReplacer(" ", "+", "-", "+", "_", "/").Replace(encoded)
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil || len(data) == 0 {
		return part, nil, errMigration
	}
	var size, index uint64
	err = eachField(data, func(f protoField) {
		switch {
		case f.number == 1 && f.wire == 2:
			entries = append(entries, f.bytes)
		case f.number == 3 && f.wire == 0:
			size = f.value
		case f.number == 4 && f.wire == 0:
			index = f.value
		case f.number == 5 && f.wire == 0:
			part.Batch = int32(f.value)
		}
	})
	size = max(size, 1)
	switch {
	case err != nil:
		return part, nil, err
	case len(entries) > MaxEntries:
		return part, nil, ErrTooMany
	case size > maxParts || index >= size:
		return part, nil, errMigration
	}
	part.Size, part.Index = int(size), int(index)
	return part, entries, nil
}

// parseMigrated reads one OtpParameters. Labels that it could read stand beside an error.
func parseMigrated(data []byte) (d draft, err error) {
	d.typ = account.TOTP
	var algorithm, digits, kind, counter uint64
	err = eachField(data, func(f protoField) {
		switch {
		case f.wire == 2 && f.number == 1:
			d.key = account.NewSecret(f.bytes)
		case f.wire == 2 && f.number == 2:
			d.name = string(f.bytes)
		case f.wire == 2 && f.number == 3:
			d.issuer = string(f.bytes)
		case f.wire == 0 && f.number == 4:
			algorithm = f.value
		case f.wire == 0 && f.number == 5:
			digits = f.value
		case f.wire == 0 && f.number == 6:
			kind = f.value
		case f.wire == 0 && f.number == 7:
			counter = f.value
		}
	})
	d.issuer, d.name = withoutPrefix(d.issuer, d.name)
	algorithms := []string{"", "SHA1", "SHA256", "SHA512", "MD5"}
	if err != nil || algorithm >= uint64(len(algorithms)) || digits > 2 || kind > 2 || counter > math.MaxInt64 {
		return d, errMigration
	}
	d.algorithm = algorithms[algorithm]
	if digits == 2 {
		d.digits = "8"
	}
	if kind == 1 {
		d.typ, d.counter = account.HOTP, loose(strconv.FormatUint(counter, 10))
	}
	return d, nil
}

// withoutPrefix takes the issuer off a name "ISSUER:NAME"; it may be only there.
func withoutPrefix(issuer, name string) (string, string) {
	prefix, rest, found := strings.Cut(name, ":")
	same := len(name) > len(issuer) && strings.EqualFold(name[:len(issuer)], issuer) && name[len(issuer)] == ':'
	switch {
	case issuer != "" && same: // the issuer itself may hold a colon
		name = name[len(issuer)+1:]
	case issuer == "" && found:
		issuer, name = prefix, rest
	}
	return strings.TrimSpace(issuer), strings.TrimSpace(name)
}

// protoField is one field of a protobuf message (protobuf.dev, Encoding).
type protoField struct {
	number uint64
	wire   uint64
	value  uint64 // of wire type 0
	bytes  []byte // of wire type 2
}

// eachField gives the fields of a message, of whatever type, in their order.
func eachField(data []byte, take func(protoField)) error {
	for len(data) > 0 {
		tag, n := binary.Uvarint(data)
		if n <= 0 || tag>>3 == 0 {
			return errMigration
		}
		f := protoField{number: tag >> 3, wire: tag & 7}
		data = data[n:]
		var length uint64
		switch f.wire {
		case 0:
			f.value, n = binary.Uvarint(data)
			length = uint64(max(n, 0))
		case 1:
			length = 8
		case 2:
			length, n = binary.Uvarint(data)
			data = data[max(n, 0):]
		case 5:
			length = 4
		default: // groups are of proto2
			return errMigration
		}
		if n <= 0 || length > uint64(len(data)) {
			return errMigration
		}
		f.bytes, data = data[:length], data[length:]
		take(f)
	}
	return nil
}
