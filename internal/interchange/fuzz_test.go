package interchange

import (
	"errors"
	"strings"
	"testing"
)

// errStop stands in for a password: what comes after it costs time by design.
var errStop = errors.New("no password here")

// fuzzReader feeds one reader, and looks at what comes out. A password is given only
// where the work behind it is small and fixed.
func fuzzReader(f *testing.F, read func(Source) (Result, error), password string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	ask := givePassword(password)
	if password == "" {
		ask = func() ([]byte, error) { return nil, errStop }
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := read(Source{Name: "fuzz", Data: data, Password: ask})
		if err != nil {
			if len(err.Error()) > 300 {
				t.Fatalf("the error %q", err)
			}
			return
		}
		checkShown(t, r)
	})
}

const seedEntry = `{"type":"totp","issuer":"A","name":"b","info":{"secret":"JBSWY3DP","algo":"SHA1","digits":6,"period":30}}`

// FuzzRead goes through the table of formats.
func FuzzRead(f *testing.F) {
	fuzzReader(f, func(s Source) (Result, error) { return Read(s, "") }, "", "", "[", "{}", `{"a":{"secret":"A","type":1}}`, "AUTHENTICATORPRO",
		"otpauth://totp/a?secret=AA", "Title,OTPAuth\n", "\xfe\xff\x00{", "x\ntotp: AA", "<html><code>", `{"items":[{"fields":[]}]}`, ageMagic)
}

func FuzzAegis(f *testing.F) {
	fuzzReader(f, readAegis, "", `{"version":1,"header":{"slots":null},"db":{"version":3,"entries":[`+seedEntry+`]}}`,
		`{"version":1,"header":{"slots":[{"type":1,"key":"00","n":2,"r":1,"p":1,"salt":""}],"params":{"nonce":"000000000000000000000000","tag":"00000000000000000000000000000000"}},"db":"AAAA"}`)
}

func FuzzTwoFAS(f *testing.F) {
	fuzzReader(f, readTwoFAS, "", `{"schemaVersion":4,"services":[{"name":"A","secret":"AA","otp":{"tokenType":"HOTP","counter":1}}]}`,
		`{"schemaVersion":4,"servicesEncrypted":"AAAA:AAAA:AAAAAAAAAAAAAAAA","reference":"a:b:c"}`)
}

func FuzzEnte(f *testing.F) {
	fuzzReader(f, readEnte, "", `{"version":1,"kdfParams":{"memLimit":8192,"opsLimit":1,"salt":"oSNHLO3BMxAocxngndY9bw=="},"encryptedData":"AAAA","encryptionNonce":"AAAA"}`,
		"otpauth://totp/a?secret=AA&codeDisplay=%7B%22trashed%22%3Atrue%7D")
}

func FuzzSecretstream(f *testing.F) {
	f.Add(make([]byte, 17))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if _, ok := openSecretstream(make([]byte, 32), make([]byte, secretstreamHeader), sealed); ok {
			t.Fatal("it opens")
		}
	})
}

func FuzzProton(f *testing.F) {
	fuzzReader(f, readProton, "", `{"version":1,"entries":[{"content":{"uri":"steam://AA","entry_type":"Steam","name":"a"}}]}`, `{"version":1,"salt":"AAAA","content":"AAAA"}`)
}

func FuzzBitwarden(f *testing.F) {
	fuzzReader(f, readBitwarden, "", `{"encrypted":false,"items":[{"name":"a","deletedDate":null,"login":{"totp":"AA"}}]}`,
		`{"encrypted":true,"passwordProtected":true,"kdfType":0,"kdfIterations":1,"encKeyValidation_DO_NOT_EDIT":"2.AA|AA|AA","data":"2.AA|AA|AA"}`)
}

func FuzzAndOTP(f *testing.F) {
	fuzzReader(f, readAndOTP, "", `[{"type":"STEAM","secret":"AA","label":"a - b","thumbnail":"x"}]`, "\x00\x00\x00\x01"+strings.Repeat("a", 60))
}

func FuzzLastPassAuthenticator(f *testing.F) {
	fuzzReader(f, readLastPassAuthenticator, "", `{"localDeviceId":null,"accounts":[{"issuerName":"a","secret":"AA","timeStep":30}]}`)
}

func FuzzDuo(f *testing.F) {
	fuzzReader(f, readDuo, "", `[{"name":"a","otpGenerator":{"otpSecret":"AA","counter":3}},{"pkey":"x"}]`)
}

func FuzzFreeOTPPlus(f *testing.F) {
	fuzzReader(f, readFreeOTPPlus, "", `{"tokens":[{"algo":"SHA1","counter":1,"issuerExt":"a","label":"b","secret":[-1,2],"type":"HOTP"}]}`)
}

func FuzzSteam(f *testing.F) {
	fuzzReader(f, readSteam, "", `{"accounts":{"a":{"shared_secret":"AAAA","account_name":"a"}}}`, `{"shared_secret":"AAAA"}`)
}

func FuzzStratum(f *testing.F) {
	fuzzReader(f, readStratum, "", `{"Authenticators":[{"Type":3,"Secret":"00","Pin":"1"}]}`, stratumStrong+strings.Repeat("a", 60), stratumLegacy+strings.Repeat("a", 52))
}

func FuzzStratumPage(f *testing.F) {
	fuzzReader(f, readStratumPage, "", "<html><code>motp://a:b?secret=00</code><code>x")
}

func FuzzExtension(f *testing.F) {
	fuzzReader(f, readExtension, "x", `{"a":{"type":"hhex","secret":"00","index":1}}`, `{"a":{"encrypted":true,"secret":"`+opensslSealed+`"}}`,
		`{"key":{"enc":"`+opensslSealed+`","hash":"a"},"a":{"dataType":"EncOTPStorage","data":"`+opensslSealed+`"}}`)
}

func FuzzArgon2Text(f *testing.F) {
	f.Add("$argon2id$v=19$m=64,t=1,p=1$YW5vdGhlciBzYWx0$AAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		if h, ok := parseArgon2(text); ok && (len(h.sum) < 4 || len(h.sum) > 64) {
			t.Fatalf("%+v", h)
		}
	})
}

func FuzzCXF(f *testing.F) {
	fuzzReader(f, readCXF, "", `{"exporterRpId":"a","accounts":[{"items":[{"title":"a","credentials":[{"type":"totp","secret":"AA","username":"b"}]}]}]}`)
}

func FuzzEnpass(f *testing.F) {
	fuzzReader(f, readEnpass, "", `{"items":[{"title":"a","fields":[{"type":"totp","value":"AA"},{"type":"email","value":"b"}]}]}`)
}

func FuzzPass(f *testing.F) {
	fuzzReader(f, readPass, "", "x\notpauth: //totp/a?secret=AA\ntotp: AA")
}

func FuzzCSV(f *testing.F) {
	fuzzReader(f, readBitwardenCSV, "", "name,login_username,login_totp\na,b,\"otpauth://totp/a?secret=AA\"\na,b\n,,,,steam://AA\n", "name,login_totp\n\"\n")
}

func FuzzSealed(f *testing.F) {
	fuzzReader(f, readSealed, "", ageMagic+"-> scrypt AAAAAAAAAAAAAAAAAAAAAA 1\nAAAA\n--- AAAA\n")
}

func FuzzPicture(f *testing.F) {
	fuzzReader(f, readPicture, "", "\x89PNG\r\n\x1a\n", "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")
}

func FuzzBackup(f *testing.F) {
	fuzzReader(f, readBackup, "", `{"codefob":1,"written":"2026-11-29T00:00:00Z","accounts":[{"uri":"otpauth://totp/a?secret=AA","sites":["https://a.example"],"append":true,
		"recovery":[{"code":"1234 5678","usedAt":1}]}]}`, `{"codefob":2,"accounts":{}}`)
}
