package interchange

import (
	"bytes"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"codefob/internal/account"

	"github.com/go-json-experiment/json/jsontext"
)

// Files in which apps of Android keep their settings, the accounts among them:
// <map>, with a <string name="…"> for each.

const (
	maxPrefs  = 16 << 20 // bytes
	maxTokens = 200_000  // of XML
	maxNested = 8
)

// pref is one text among the settings.
type pref struct{ name, value string }

func isPrefs(data []byte, holds ...string) bool {
	head := trimmed(data[:min(len(data), 1024)])
	if !bytes.HasPrefix(head, []byte("<")) || !bytes.Contains(head, []byte("<map")) {
		return false
	}
	for _, text := range holds {
		if bytes.Contains(data, []byte(text)) {
			return true
		}
	}
	return false
}

// readPrefs reads the texts of such a file, in their order.
func readPrefs(data []byte) (prefs []pref, err error) {
	if len(data) > maxPrefs {
		return nil, refused("it is over %d MiB", maxPrefs>>20)
	}
	damaged := refused("it is damaged, or cut short: its XML is not whole")
	d := xml.NewDecoder(bytes.NewReader(trimmed(data)))
	var (
		depth int
		value strings.Builder
		open  bool
	)
	for n := 0; ; n++ {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return prefs, nil
		case err != nil:
			return nil, damaged
		case n == maxTokens:
			return nil, refused("its XML has over %d parts", maxTokens)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth > maxNested {
				return nil, refused("XML of over %d levels", maxNested)
			}
			if open = depth == 2 && t.Name.Local == "string"; open {
				value.Reset()
				prefs = append(prefs, pref{})
				for _, a := range t.Attr {
					if a.Name.Local == "name" {
						prefs[len(prefs)-1].name = a.Value
					}
				}
			}
		case xml.CharData:
			if open {
				value.Write(t)
			}
		case xml.EndElement:
			if depth--; open && depth == 1 {
				prefs[len(prefs)-1].value, open = value.String(), false
			}
		}
	}
}

func isFreeOTPPrefs(data []byte) bool {
	return isPrefs(data, `&quot;secret&quot;`, `"secret"`, `tokenOrder`)
}

// readFreeOTPPrefs reads the settings of FreeOTP 1 (freeotp/freeotp-android).
func readFreeOTPPrefs(s Source) (Result, error) {
	prefs, err := readPrefs(s.Data)
	if err != nil {
		return Result{}, err
	}
	var c collector
	n := 0
	for _, p := range prefs {
		if p.name == "tokenOrder" {
			continue
		}
		n++
		var e freeOTPEntry
		if readJSON([]byte(p.value), &e) != nil {
			c.fail(n, "", p.name, errEntry)
			continue
		}
		e.addTo(&c, n)
	}
	return c.Result, nil
}

const battlePrefs = "com.blizzard.messenger.AUTHENTICATOR_"

func isBattleNet(data []byte) bool { return isPrefs(data, battlePrefs) }

// battleMask lies over the values (beemdevelopment/Aegis, BattleNetImporter).
const battleMask = "398e27fc50276a656065b0e525f4c06c04c61075286b8e7aeda59da9813b5dd6c80d2fb38068773fa59ba47c17ca6c6479015c1d5b8b8f6b9a"

// readBattleNet reads the settings of the Battle.net app, which have one account.
func readBattleNet(s Source) (Result, error) {
	prefs, err := readPrefs(s.Data)
	if err != nil {
		return Result{}, err
	}
	d := draft{typ: account.TOTP, issuer: "Battle.net", digits: "8", hex: true}
	for _, p := range prefs {
		switch p.name {
		case battlePrefs + "SERIAL":
			d.name = unmaskBattleNet(p.value)
		case battlePrefs + "DEVICE_SECRET":
			d.secret = unmaskBattleNet(p.value)
		}
	}
	var c collector
	c.add(1, d)
	return c.Result, nil
}

// unmaskBattleNet is empty for what is not masked so.
func unmaskBattleNet(text string) string {
	mask, _ := hex.DecodeString(battleMask)
	value, err := hex.DecodeString(text)
	if err != nil || len(value) > len(mask) {
		return ""
	}
	for i := range value {
		value[i] ^= mask[i]
	}
	return string(value)
}

const (
	authyPrefs    = "com.authy.storage.tokens.authenticator.key" // what sites enrolled
	authyOwnPrefs = "com.authy.storage.tokens.authy.key"         // what Authy itself did
)

func isAuthyPrefs(data []byte) bool { return isPrefs(data, authyPrefs, authyOwnPrefs) }

// readAuthyPrefs reads the settings of Authy.
func readAuthyPrefs(s Source) (Result, error) {
	prefs, err := readPrefs(s.Data)
	if err != nil {
		return Result{}, err
	}
	var lists []jsontext.Value
	for _, p := range prefs {
		if p.name != authyPrefs && p.name != authyOwnPrefs {
			continue
		}
		list := []byte(p.value)
		if err := checkDepth(list); err != nil {
			return Result{}, err
		}
		lists = append(lists, list)
	}
	return readAuthyLists(s, lists)
}
