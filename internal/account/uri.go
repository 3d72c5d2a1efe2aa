package account

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ErrNotURI says that a text is no otpauth URI, nor one of its kin.
var ErrNotURI = errors.New("not an otpauth URI")

// maxURI bounds a URI in bytes; some apps add a long note to it.
const maxURI = 64 << 10

// ParseURI reads an enrolment URI
//
//	otpauth://TYPE/[ISSUER:]NAME?secret=B32&issuer=&algorithm=&digits=&counter=&period=
//
// (google-authenticator wiki, Key-Uri-Format) in the variations that issuers and
// apps write, among them steam://SECRET and motp://NAME?secret=HEX. Unencoded characters, stray % and &amp;
// are repaired; parameters that it does not know are ignored. What would change the codes
// is never guessed: an unknown type, algorithm or encoder is an error.
//
// With an error, the account holds issuer and name when those could be read, to
// name the URI by, and nothing else. The error is [ErrNotURI] when the text has
// another scheme, and never holds the secret.
func ParseURI(text string) (Account, error) {
	if len(text) > maxURI {
		return Account{}, fmt.Errorf("otpauth URI of over %d bytes", maxURI)
	}
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	scheme, rest, found := strings.Cut(text, ":")
	if !found {
		return Account{}, ErrNotURI
	}
	rest = strings.TrimLeft(rest, "/")
	switch strings.ToLower(scheme) {
	case "otpauth", "apple-otpauth":
		return parseOTPAuth(strings.ReplaceAll(rest, "&amp;", "&"))
	case "steam":
		secret, err := ParseSecret(unescape(rest))
		if err != nil {
			return Account{}, err
		}
		return New(Steam, "Steam", "", secret), nil
	case "motp":
		return parseMOTP(strings.ReplaceAll(rest, "&amp;", "&"))
	case "otpauth-migration":
		return Account{}, errors.New("it is an export of Google Authenticator, which may hold many accounts: put it into a file for codefob import")
	case "phonefactor":
		return Account{}, errors.New("phonefactor is Microsoft's approval by push message: it has no one-time codes")
	}
	return Account{}, ErrNotURI
}

// parseOTPAuth reads what follows otpauth://.
func parseOTPAuth(text string) (Account, error) {
	path, query, _ := strings.Cut(text, "?")
	kind, label, _ := strings.Cut(path, "/")
	params, err := parseParams(query)
	if err != nil {
		return Account{}, err
	}
	var named Account // what an error comes with
	issuer, name := parseLabel(unescape(label), params["issuer"])
	if params["secret"] != "" && checkText("", issuer) == nil && checkText("", name) == nil {
		named = Account{Issuer: issuer, Name: name}
	}
	typ, err := parseType(kind, issuer, params)
	if err != nil {
		return named, err
	}
	if params["secret"] == "" {
		return named, errors.New("no secret")
	}
	secret, err := parseURISecret(typ, params["secret"])
	if err != nil {
		return named, err
	}
	a := New(typ, issuer, name, secret)
	if err := a.apply(params); err != nil {
		return named, err
	}
	if err := a.Validate(); err != nil {
		return named, err
	}
	return a, nil
}

// parseMOTP reads what follows motp://, as Mobile-OTP apps write it:
// ISSUER:NAME?secret=HEX.
func parseMOTP(text string) (Account, error) {
	label, query, _ := strings.Cut(text, "?")
	return parseOTPAuth("motp/" + label + "?" + query)
}

// parseURISecret reads base32, but for MOTP, whose secrets are hexadecimal in the
// URIs of every app: as base32 they would not be the same bytes.
func parseURISecret(typ Type, text string) (Secret, error) {
	if typ != MOTP {
		return ParseSecret(text)
	}
	return ParseHex(text)
}

// apply sets what the parameters say in place of the defaults.
func (a *Account) apply(params map[string]string) (err error) {
	if a.Type == MOTP || a.Type == Yandex { // whose settings are always the same: apps write any
		return a.applyPIN(params)
	}
	if text := params["algorithm"]; text != "" {
		if a.Algorithm, err = ParseAlgorithm(text); err != nil {
			return err
		}
	}
	if a.Type != Steam { // apps write any number there; it is always 5
		digits, err := number(params, "digits", uint64(a.Digits), MaxDigits)
		if err != nil {
			return err
		}
		a.Digits = int(digits)
	}
	if a.Type == HOTP {
		a.Counter, err = number(params, "counter", 0, math.MaxUint64)
		return err
	}
	seconds, err := number(params, "period", uint64(a.Period/time.Second), uint64(MaxPeriod/time.Second))
	a.Period = time.Duration(seconds) * time.Second
	return err
}

// applyPIN takes the PIN, which is base32 for Yandex and plain for MOTP.
func (a *Account) applyPIN(params map[string]string) error {
	text := params["pin"]
	switch {
	case text == "":
	case a.Type == MOTP:
		a.PIN = NewSecret([]byte(text))
	case a.Type == Yandex:
		pin, err := ParseSecret(text)
		if err != nil {
			return errors.New("the PIN is not base32")
		}
		a.PIN = pin
	}
	return nil
}

// parseParams reads the parameters that ParseURI uses, with their names in lower
// case. One that is given twice must say the same.
func parseParams(query string) (map[string]string, error) {
	params := make(map[string]string)
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		key = strings.ToLower(key)
		switch key {
		case "secret", "issuer", "algorithm", "digits", "counter", "period", "encoder", "steam", "pin":
		default:
			continue
		}
		value = strings.TrimSpace(unescape(strings.ReplaceAll(value, "+", " ")))
		if before, twice := params[key]; twice && before != value {
			return nil, fmt.Errorf("two different values for %s", key)
		}
		params[key] = value
	}
	return params, nil
}

// parseLabel divides ISSUER:NAME at the issuer if it is there, else at the first
// colon. The parameter wins over the label's issuer.
func parseLabel(label, param string) (issuer, name string) {
	prefix, name, found := strings.Cut(label, ":")
	if rest, same := strings.CutPrefix(label, param+":"); same && param != "" {
		name = rest // the issuer itself may hold a colon
	} else if !found {
		prefix, name = "", label
	}
	if issuer = param; issuer == "" {
		issuer = prefix
	}
	// Clones, because a part would keep the whole URI in memory, secret included.
	return strings.Clone(strings.TrimSpace(issuer)), strings.Clone(strings.TrimSpace(name))
}

// parseType tells the type; apps mark Steam in five ways.
func parseType(kind, issuer string, params map[string]string) (Type, error) {
	var steam bool
	switch encoder := strings.ToLower(params["encoder"]); encoder {
	case "steam": // KeePassXC, pquerna/otp
		steam = true
	case "", "default": // the latter from URI
	default:
		return "", fmt.Errorf("encoder%s is not supported", quoted(encoder))
	}
	switch params["steam"] { // WinAuth
	case "", "0", "false":
	default:
		steam = true
	}
	switch typ := Type(strings.ToLower(kind)); typ {
	case TOTP:
		// By the issuer's name as Stratum and Aegis take it.
		if steam || params["encoder"] == "" && strings.EqualFold(issuer, "Steam") {
			return Steam, nil
		}
		return TOTP, nil
	case HOTP:
		if steam {
			return "", errors.New("a steam code needs a time, not a counter")
		}
		return HOTP, nil
	case Steam:
		return Steam, nil
	case MOTP:
		return MOTP, nil
	case "yaotp", Yandex:
		return Yandex, nil
	}
	return "", errType(kind)
}

// number reads a decimal parameter, fallback if it is not given.
func number(params map[string]string, key string, fallback, most uint64) (uint64, error) {
	text := params[key]
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > most {
		return 0, fmt.Errorf("%s is not a whole number up to %d", key, most)
	}
	return n, nil
}

// unescape decodes %XX and leaves every other % as it is.
func unescape(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if b, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				out.WriteByte(byte(b))
				i += 2
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// URI returns the otpauth URI, secret included. [ParseURI] reads it back equal,
// but for ID and Sites, which a URI does not hold. Steam is written as KeePassXC
// does: totp with encoder=steam; Yandex and MOTP as Aegis does.
func (a Account) URI() string {
	typ, encoder, secret, pin := a.Type, "", a.Secret.Base32(), ""
	switch {
	case a.Type == MOTP:
		secret, pin = hex.EncodeToString(a.Secret.Bytes()), escape(string(a.PIN.Bytes()))
	case a.Type == Yandex:
		typ, pin = "yaotp", a.PIN.Base32()
	case a.Type == Steam:
		typ, encoder = TOTP, "steam"
	case a.Type == TOTP && strings.EqualFold(a.Issuer, "Steam"):
		encoder = "default"
	}
	var b strings.Builder
	b.WriteString("otpauth://" + string(typ) + "/")
	if a.Issuer != "" || strings.Contains(a.Name, ":") {
		b.WriteString(escape(a.Issuer) + ":")
	}
	b.WriteString(escape(a.Name) + "?secret=" + secret)
	if a.Issuer != "" {
		b.WriteString("&issuer=" + escape(a.Issuer))
	}
	if a.Type != MOTP && a.Type != Yandex { // whose settings are always the same, and MD5 would be misread
		b.WriteString("&algorithm=" + string(a.Algorithm) + "&digits=" + strconv.Itoa(a.Digits))
		if a.Type == HOTP {
			b.WriteString("&counter=" + strconv.FormatUint(a.Counter, 10))
		} else {
			b.WriteString("&period=" + strconv.FormatInt(int64(a.Period/time.Second), 10))
		}
	}
	if pin != "" {
		b.WriteString("&pin=" + pin)
	}
	if encoder != "" {
		b.WriteString("&encoder=" + encoder)
	}
	return b.String()
}

// escape leaves only the unreserved characters (RFC 3986, section 2.3). A space
// becomes %20, as + means a plus in a label.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
