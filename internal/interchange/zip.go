package interchange

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"strings"

	"codefob/internal/account"
	"codefob/internal/qr"
)

const (
	zipMagic    = "PK\x03\x04"
	maxMembers  = 1000 // of an archive that are looked into
	maxUnpacked = 64 << 20
)

// budget is what is left of the bounds for all files of an archive.
type budget struct {
	bytes   uint64
	looking int // work on pictures: as much as for one that stands alone
	spent   bool
}

func isZip(data []byte) bool { return bytes.HasPrefix(data, []byte(zipMagic)) }

// mainMembers are the files of archives that apps write: where there is one, it is
// all that is read. As is the app whose name a list of URIs goes by, then.
var mainMembers = []struct{ pattern, as string }{
	{"export.data", ""},           // 1Password, .1pux
	{"Proton Pass/data.*", ""},    //
	{"raivo-otp-export.json", ""}, //
	{"credentials.csv", ""},       // Dashlane
	{"Accounts.txt", "authenticator-plus"},
	{"winauth*.txt", "winauth"},
}

// readZip reads the files in an archive, each as if it stood alone. Their names
// tell at most which of them counts, and are never used as paths.
func readZip(s Source, format string) (Result, error) {
	members, err := zipDirectory(s.Data)
	if err != nil {
		return Result{}, err
	}
	members, as := chooseMembers(members)
	if len(members) > maxMembers {
		return Result{}, refused("an archive of over %d files: unpack it, and import what the app wrote", maxMembers)
	}
	var (
		total  Result
		failed error // of the first member that could not be read
		read   int
		left   = budget{bytes: maxUnpacked, looking: qr.MaxWork}
	)
	ask, forget := once(s.Password)
	defer forget()
	s.Password = ask
	for _, m := range members {
		r, err := m.read(s, format, &left)
		where := "a file in the archive"
		if base := path.Base(m.name); account.Showable(base) && len(base) <= 100 {
			where = base
		}
		switch {
		case errors.Is(err, ErrUnrecognized), len(members) > 1 && (errors.Is(err, ErrNoCode) || errors.Is(err, ErrNotOTP)):
			total.Others++
			continue
		case errors.Is(err, ErrNothing) && len(members) > 1:
			total.Others += r.Others
			continue
		case err != nil && (len(members) == 1 || m.sealed() && !errors.Is(err, errPictures) || left.spent):
			return Result{Format: r.Format}, err
		case err != nil:
			if failed == nil {
				failed = fmt.Errorf("%s: %w", where, err)
			}
			total.Errors = append(total.Errors, EntryError{where, err})
			continue
		}
		if len(members) > 1 {
			for i := range r.Errors {
				r.Errors[i].Where = where + ", " + r.Errors[i].Where
			}
		}
		if r.Format == "uri-list" && as != "" {
			r.Format = as
		}
		read++
		total.join(r)
		if len(total.Accounts)+len(total.Errors) > MaxEntries {
			return Result{}, ErrTooMany
		}
	}
	switch {
	case read == 0 && failed != nil:
		return Result{}, failed
	case read == 0 && len(members) == total.Others && len(members) > 0:
		return Result{}, fmt.Errorf("%w: none of the files in the archive is one", ErrUnrecognized)
	}
	return total, nil
}

// join adds what another file holds.
func (r *Result) join(other Result) {
	switch {
	case r.Format == "":
		r.Format = other.Format
	case r.Format != other.Format:
		r.Format = "mixed"
	}
	r.Accounts = append(r.Accounts, other.Accounts...)
	r.Errors = append(r.Errors, other.Errors...)
	r.Parts = append(r.Parts, other.Parts...)
	r.Others += other.Others
}

// once asks for a password at most once, and gives copies of it, as readers clear
// theirs; forget clears it at the end.
func once(ask func() ([]byte, error)) (again func() ([]byte, error), forget func()) {
	if ask == nil {
		return nil, func() {}
	}
	var (
		asked    bool
		password []byte
		err      error
	)
	again = func() ([]byte, error) {
		if !asked {
			asked = true
			password, err = ask()
		}
		return bytes.Clone(password), err
	}
	return again, func() { clear(password) }
}

// chooseMembers leaves the main file of an app's archive, or all that may be files of accounts.
func chooseMembers(members []zipMember) (chosen []zipMember, as string) {
	for _, main := range mainMembers {
		for _, m := range members {
			if fits, _ := path.Match(main.pattern, m.name); fits {
				return []zipMember{m}, main.as
			}
		}
	}
	for _, m := range members {
		if m.size > 0 && !strings.HasSuffix(m.name, "/") && !strings.HasPrefix(m.name, "__MACOSX/") && !strings.HasPrefix(path.Base(m.name), ".") {
			chosen = append(chosen, m)
		}
	}
	return chosen, ""
}

// zipMember is one file of an archive, as the archive's directory has it.
type zipMember struct {
	name   string
	flags  uint16
	method uint16
	time   uint16 // of the last change
	crc    uint32
	size   uint64 // unpacked, as it says
	packed []byte // a view of the archive
	extra  []byte
}

func (m zipMember) sealed() bool { return m.flags&1 != 0 }

// read reads a member as a file of its own. It takes what it needs off the bounds for all.
func (m zipMember) read(s Source, format string, left *budget) (Result, error) {
	if m.size > left.bytes {
		left.spent = true
		return Result{}, fmt.Errorf("%w unpacked", ErrTooLarge)
	}
	left.bytes -= m.size
	data, err := m.open(s)
	if err != nil {
		return Result{}, err
	}
	defer clear(data)
	if isZip(data) {
		return Result{}, fmt.Errorf("%w: an archive in the archive: unpack it, and import what is in it", ErrUnsupported)
	}
	s.Name, s.Data, s.looking = path.Base(m.name), data, &left.looking
	return Read(s, format)
}

// open unseals and unpacks a member, in a new slice.
func (m zipMember) open(s Source) (data []byte, err error) {
	damaged := refused("the archive is damaged")
	packed, method, checked := m.packed, m.method, true
	if m.sealed() {
		if m.flags&0x40 != 0 {
			return nil, fmt.Errorf("%w: an archive sealed in PKWARE's way: unpack it, and import what is in it", ErrUnsupported)
		}
		password, err := askPassword(s)
		if err != nil {
			return nil, err
		}
		defer clear(password)
		if method == methodAES {
			packed, method, checked, err = m.openAES(password)
		} else {
			packed, err = m.openZipCrypto(password)
			damaged = errWrongOrDamaged // one byte tells little
		}
		if err != nil {
			return nil, err
		}
		defer clear(packed)
	}
	switch method {
	case 0:
		if uint64(len(packed)) != m.size {
			return nil, damaged
		}
		data = bytes.Clone(packed)
	case 8:
		if m.size > 1032*uint64(len(packed)) { // the most that Deflate can do
			return nil, damaged
		}
		data = make([]byte, m.size)
		r := flate.NewReader(bytes.NewReader(packed))
		if _, err := io.ReadFull(r, data); err != nil {
			return nil, damaged
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			return nil, damaged
		}
	default:
		return nil, fmt.Errorf("%w: an archive packed in an uncommon way: unpack it, and import what is in it", ErrUnsupported)
	}
	if checked && crc32.ChecksumIEEE(data) != m.crc {
		clear(data)
		return nil, damaged
	}
	return data, nil
}

// zipDirectory reads the directory at the end of an archive (PKWARE, APPNOTE.TXT,
// section 4.3). Sizes are what it says; nothing is unpacked yet.
func zipDirectory(data []byte) ([]zipMember, error) {
	const head, local, tail = 46, 30, 22
	damaged := refused("the archive is damaged, or cut short")
	at := bytes.LastIndex(data[max(0, len(data)-tail-1<<16):], []byte("PK\x05\x06"))
	if at < 0 {
		return nil, damaged
	}
	end := data[max(0, len(data)-tail-1<<16)+at:]
	if len(end) < tail {
		return nil, damaged
	}
	count, start := uint64(binary.LittleEndian.Uint16(end[10:])), uint64(binary.LittleEndian.Uint32(end[16:]))
	if start == 1<<32-1 { // the end in 64 bits stands before
		at := bytes.LastIndex(data[:len(data)-len(end)], []byte("PK\x06\x06"))
		if at < 0 || len(data)-at < 56 {
			return nil, damaged
		}
		count, start = binary.LittleEndian.Uint64(data[at+32:]), binary.LittleEndian.Uint64(data[at+48:])
	}
	if start > uint64(len(data)) {
		return nil, damaged
	}
	var members []zipMember
	for rest := data[start:]; count > 0; count-- {
		if len(rest) < head || string(rest[:4]) != "PK\x01\x02" {
			return nil, damaged
		}
		u16 := func(i int) int { return int(binary.LittleEndian.Uint16(rest[i:])) }
		u32 := func(i int) uint64 { return uint64(binary.LittleEndian.Uint32(rest[i:])) }
		names, extras, comments := u16(28), u16(30), u16(32)
		if len(rest) < head+names+extras+comments {
			return nil, damaged
		}
		m := zipMember{
			name:   strings.ReplaceAll(string(rest[head:head+names]), `\`, "/"), // as old tools of Windows write it
			flags:  uint16(u16(8)),
			method: uint16(u16(10)),
			time:   uint16(u16(12)),
			crc:    uint32(u32(16)),
			size:   u32(24),
			extra:  rest[head+names : head+names+extras],
		}
		packed, offset := u32(20), u32(42)
		if long := extraField(m.extra, 1); len(long) > 0 { // sizes of 64 bits, where those of 32 are all ones
			for _, field := range []*uint64{&m.size, &packed, &offset} {
				if *field == 1<<32-1 && len(long) >= 8 {
					*field, long = binary.LittleEndian.Uint64(long), long[8:]
				}
			}
		}
		if offset > uint64(len(data)) || uint64(len(data))-offset < local || string(data[offset:offset+4]) != zipMagic {
			return nil, damaged
		}
		body := data[offset:]
		skip := local + uint64(binary.LittleEndian.Uint16(body[26:])) + uint64(binary.LittleEndian.Uint16(body[28:]))
		if skip > uint64(len(body)) || packed > uint64(len(body))-skip {
			return nil, damaged
		}
		m.packed = body[skip : skip+packed]
		members = append(members, m)
		rest = rest[head+names+extras+comments:]
	}
	return members, nil
}

// extraField finds a field of that kind among the extra ones; nil for none.
func extraField(extra []byte, kind uint16) []byte {
	for len(extra) >= 4 {
		size := int(binary.LittleEndian.Uint16(extra[2:]))
		if len(extra) < 4+size {
			return nil
		}
		if binary.LittleEndian.Uint16(extra) == kind {
			return extra[4 : 4+size]
		}
		extra = extra[4+size:]
	}
	return nil
}
