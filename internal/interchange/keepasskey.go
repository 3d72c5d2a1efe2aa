package interchange

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// keePassKeys are the keys that a password and a key file may come to: programs differ
// in whether an empty password beside a key file counts. given is false where nobody
// was there to ask, so that only the key file is tried.
func keePassKeys(s Source) (keys [][]byte, given bool, err error) {
	var file []byte
	if s.KeyFile != nil {
		if file, err = keePassKeyFile(s.KeyFile); err != nil {
			return nil, false, err
		}
	}
	password, err := askPassword(s)
	if errors.Is(err, ErrNeedsPassword) && file != nil {
		return [][]byte{sum256(file)}, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer clear(password)
	if len(password) == 0 && file != nil {
		keys = append(keys, sum256(file))
	}
	return append(keys, sum256(append(sum256(password), file...))), true, nil
}

func sum256(data []byte) []byte {
	sum := sha256.Sum256(data)
	return sum[:]
}

const maxKeyFileXML = 64 << 10

var errKeyFile = refused("the key file is damaged")

// keePassKeyFile reads a key file: KeePass's XML of version 1 or 2, 32 bytes, the same
// as 64 hexadecimal digits, or any other file, whose hash is the key then
// (keepass.info/help/base/keys.html). The key has 32 bytes.
func keePassKeyFile(data []byte) ([]byte, error) {
	if key, err := keyFileXML(data); key != nil || err != nil {
		return key, err
	}
	if len(data) == 32 {
		return bytes.Clone(data), nil
	}
	if key, err := hex.DecodeString(string(data[:min(len(data), 65)])); err == nil && len(key) == 32 {
		return key, nil
	}
	return sum256(data), nil
}

// keyFileXML reads a key file that is XML; any other has no key.
func keyFileXML(data []byte) (key []byte, err error) {
	if text := trimmed(data); len(data) > maxKeyFileXML || !bytes.HasPrefix(text, []byte("<")) {
		return nil, nil
	}
	var version, text, sum string
	var path []string
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		token, err := d.Token()
		if err != nil && (len(path) == 0 || path[0] != "KeyFile") {
			return nil, nil
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errKeyFile
		}
		switch t := token.(type) {
		case xml.StartElement:
			if path = append(path, t.Name.Local); len(path) > maxDepth {
				return nil, nil
			}
			for _, a := range t.Attr {
				if t.Name.Local == "Data" && a.Name.Local == "Hash" {
					sum = a.Value
				}
			}
		case xml.CharData:
			switch strings.Join(path, "/") {
			case "KeyFile/Meta/Version":
				version += strings.TrimSpace(string(t))
			case "KeyFile/Key/Data":
				text += string(t)
			}
		case xml.EndElement:
			if path = path[:len(path)-1]; len(path) > 0 {
				continue
			}
			if t.Name.Local != "KeyFile" {
				return nil, nil
			}
			return keyFileData(version, text, sum)
		}
	}
	return nil, errKeyFile
}

// keyFileData reads what a key file of XML holds: base64 in version 1; in version 2
// hexadecimal, and the first bytes of its hash.
func keyFileData(version, text, sum string) (key []byte, err error) {
	text = strings.Join(strings.Fields(text), "")
	switch {
	case strings.HasPrefix(version, "1."):
		key, err = fromBase64(text)
	case strings.HasPrefix(version, "2."):
		var check []byte
		key, err = hex.DecodeString(text)
		if err == nil {
			check, err = hex.DecodeString(sum)
		}
		if err == nil && (len(check) != 4 || !bytes.HasPrefix(sum256(key), check)) {
			return nil, errKeyFile
		}
	default:
		return nil, refused("the key file has a version that is not known")
	}
	if err != nil || len(key) != 32 {
		return nil, errKeyFile
	}
	return key, nil
}
