package interchange

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"codefob/internal/qr"
)

// jsonFormat is a row of the formats that are JSON: they are told by their keys,
// which are looked at once.
type jsonFormat struct {
	name string
	has  func(shape) bool
	read func(Source) (Result, error)
}

var jsonFormats = []jsonFormat{
	{"codefob", isBackup, readBackup},
	{"aegis", isAegis, readAegis},
	{"2fas", isTwoFAS, readTwoFAS},
	{"ente", isEnte, readEnte},
	{"proton-authenticator", isProton, readProton},
	{"bitwarden-authenticator", isBitwardenAuthenticator, readBitwarden},
	{"bitwarden", isBitwarden, readBitwarden},
	{"lastpass-authenticator", isLastPassAuthenticator, readLastPassAuthenticator},
	{"steam-mafile", isSteam, readSteam},
	{"steam-mafile", isSteamManifest, readSteamManifest},
	{"stratum", isStratum, readStratum},
	{"freeotp", isFreeOTPPlus, readFreeOTPPlus},
	{"authy", isAuthy, readAuthy},
	{"cxf", isCXF, readCXF},
	{"enpass", isEnpass, readEnpass},
	{"proton-pass", isProtonPass, readProtonPass},
	{"1password", isOnePassword, readOnePassword},
	{"raivo", isRaivo, readRaivo},
	{"duo", isDuo, readDuo},
	{"andotp", isAndOTP, readAndOTP},
	{"authenticator-extension", isExtension, readExtension},
}

// textFormats are told by their first bytes or lines; the order matters.
var textFormats = []format{
	{"qr", qr.IsPicture, readPicture},
	{"codefob", isSealed, readSealed},
	{"kdbx", isKDBX, readKDBX},
	{"keepass-xml", isKeePassXML, readKeePassXML},
	{"stratum", isStratumSealed, readStratum},
	{"freeotp", isFreeOTP2, readFreeOTP2},
	{"authy", isAuthyPrefs, readAuthyPrefs},
	{"battle-net", isBattleNet, readBattleNet},
	{"freeotp", isFreeOTPPrefs, readFreeOTPPrefs},
	{"stratum", isStratumPage, readStratumPage},
	{"symantec-vip", isVIP, readVIP},
	{"ente", isEntePlain, readEntePlain},
	{"otpauth-migration", isMigration, readURIList},
	{"uri-list", beginsWithURI, readURIList},
	{"bitwarden", isBitwardenCSV, readBitwardenCSV},
	{"1password", isOnePasswordCSV, readOnePasswordCSV},
	{"apple-passwords", isAppleCSV, readAppleCSV},
	{"lastpass", isLastPassCSV, readLastPassCSV},
	{"dashlane", isDashlaneCSV, readDashlaneCSV},
	{"nordpass", isNordPassCSV, readNordPassCSV},
	{"proton-pass", isProtonPassCSV, readProtonPassCSV},
	{"keepassxc", isKeePassXCCSV, readKeePassXCCSV},
	{"pass", isPass, readPass},
	{"uri-list", holdsURI, readURIList},
	{"otp-auth", never, readOTPAuth},
	{"totp-authenticator", never, readTOTPAuthenticator},
	{"authenticator-plus", never, readAuthenticatorPlus},
	{"winauth", never, readURIList},
}

// never is for what nothing tells from noise, or from what others write: the user names it.
func never([]byte) bool { return false }

// unread are kinds of files that people bring and that are not read, told by their
// first bytes and by what else is in them, with what to do instead.
var unread = []struct{ magic, holds, instead string }{
	{"RIFF", "", insteadOfPicture}, // WebP
	{"BM", "", insteadOfPicture},
	{"II*\x00", "", insteadOfPicture}, // TIFF
	{"MM\x00*", "", insteadOfPicture},
	{"\x00\x00\x00\x18ftyphei", "", insteadOfPicture}, // HEIC, as phones write photos
	{"\x00\x00\x00\x1cftyphei", "", insteadOfPicture},
	{"\x00\x00\x00\x24ftyphei", "", insteadOfPicture},
	{kdbMagic, "", insteadOfKDB},
	{sqliteMagic, "oath_secret_key", "it is the database of Microsoft Authenticator, which exports nothing: enroll each account anew at its site"},
	{sqliteMagic, "CREATE TABLE accounts (_id INTEGER PRIMARY KEY, email", "it is the database of Google Authenticator: " +
		"choose Transfer accounts in the app, and import its QR codes"},
	{sqliteMagic, "", "it is the database of a phone's app: import what the app itself exports"},
	{"-----BEGIN PGP MESSAGE", "", insteadOfPGP},
	{"\x8c\x0d\x04", "", insteadOfPGP}, // with a password
	{"\xc3\x0d\x04", "", insteadOfPGP},
	{"\x85\x01\x0c\x03", "", insteadOfPGP}, // to an RSA key of 2048 bits
	{"\x85\x02\x0c\x03", "", insteadOfPGP}, // of 4096
	{"\xc1\xc0\x4c\x03", "", insteadOfPGP},
	{"\xc1\xc1\x4c\x03", "", insteadOfPGP},
	{"\x84\x5e\x03", "", insteadOfPGP}, // to a key of Curve25519
}

const (
	sqliteMagic  = "SQLite format 3\x00"
	insteadOfPGP = "it is encrypted with PGP: decrypt it with gpg, and import what comes out; or export it from the app without PGP"
)

const insteadOfPicture = "it may be a picture, of which PNG, JPEG and GIF are read: save it as PNG, and import that"

// Formats names what Read reads, in alphabetic order, as --format takes it.
func Formats() []string {
	var names []string
	for _, f := range jsonFormats {
		names = append(names, f.name)
	}
	for _, f := range textFormats {
		names = append(names, f.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Read reads a file in the format of that name, or in the one that its content
// shows if name is empty. Its result has at least one account or error of an
// entry, and names the format even beside an error, if it got that far. Its
// errors are those of this package, and of Source.Password.
func Read(s Source, name string) (Result, error) {
	if len(s.Data) > MaxBytes {
		return Result{}, ErrTooLarge
	}
	if isZip(s.Data) {
		r, err := readZip(s, name)
		return bounded(r, err)
	}
	f, err := find(s.Data, name)
	if err != nil {
		return Result{}, err
	}
	r, err := f.read(s)
	r.Format = f.name
	if instead := insteadOf(s.Data); errors.Is(err, ErrUnrecognized) && instead != nil {
		err = instead
	}
	return bounded(r, err)
}

// bounded checks how much a reader found.
func bounded(r Result, err error) (Result, error) {
	switch {
	case err != nil:
		r = Result{Format: r.Format}
	case len(r.Accounts)+len(r.Errors) > MaxEntries:
		r, err = Result{Format: r.Format}, ErrTooMany
	case len(r.Accounts)+len(r.Errors) == 0:
		r, err = Result{Format: r.Format, Others: r.Others}, ErrNothing
	}
	return r, err
}

// find finds the row for a file: by its magic, its keys, its lines. A name that
// the user gave leaves only the rows of that name; if none of them knows the
// file, the reader of the first says what is wrong with it.
func find(data []byte, name string) (format, error) {
	var first format
	fits := func(f format) bool {
		if name != "" && f.name != name {
			return false
		}
		if first.read == nil && name != "" {
			first = f
		}
		return f.recognizes(data)
	}
	s, looksLikeJSON, err := shapeOf(data)
	for _, f := range jsonFormats {
		if fits(format{f.name, func([]byte) bool { return looksLikeJSON && err == nil && f.has(s) }, f.read}) {
			return format{f.name, nil, f.read}, nil
		}
	}
	for _, f := range textFormats {
		if (!looksLikeJSON || err != nil) && fits(f) { // the password in the first line of a pass entry may begin like JSON
			return f, nil
		}
	}
	switch {
	case first.read != nil:
		return first, nil
	case looksLikeJSON && err != nil:
		return format{}, err
	}
	if instead := insteadOf(data); instead != nil {
		return format{}, instead
	}
	return format{}, ErrUnrecognized
}

// insteadOf says what to do instead with what is not read; nil for what nothing is known of.
func insteadOf(data []byte) error {
	for _, u := range unread {
		if bytes.HasPrefix(data, []byte(u.magic)) && bytes.Contains(data, []byte(u.holds)) {
			return fmt.Errorf("%w: %s", ErrUnsupported, u.instead)
		}
	}
	return nil
}

// beginsWithURI tells a list of URIs by its first line.
func beginsWithURI(data []byte) bool {
	for line := range textLines(data) {
		return isURILine(line)
	}
	return false
}

// holdsURI tells a list of URIs that has something else in front.
func holdsURI(data []byte) bool { return anyLine(data, isURILine) }

func anyLine(data []byte, is func(line []byte) bool) bool {
	for line := range textLines(data) {
		if is(line) {
			return true
		}
	}
	return false
}

func readURIList(s Source) (Result, error) { return ParseURIList(s.Data) }

// trimmed is data without a byte order mark and spaces around.
func trimmed(data []byte) []byte { return bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff"))) }
