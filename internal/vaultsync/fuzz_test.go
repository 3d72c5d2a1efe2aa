package vaultsync

import (
	"crypto/ed25519"
	"testing"
)

// Any bytes as an operation: refused, or read the same again; and two of them come to the
// same in either order, twice as well as once.
func FuzzOperation(f *testing.F) {
	signature := string(make([]byte, ed25519.SignatureSize))
	for _, text := range []string{
		`{"device":"00112233445566778899aabbccddeeff","seq":1,"clock":5,"kind":"account","account":"A","fields":{"fixed":{"type":"hotp","secret":"S","digits":6},"counter":3}}`,
		`{"device":"00112233445566778899aabbccddeeff","seq":1,"clock":6,"kind":"account","account":"A","fields":{"set":{"labels":{"value":["a",1e400,"\ud800"],"at":9}},"recoveryAt":4,"recovery":[{"code":"x","used":1},{"code":"x","n":2}]}}`,
		`{"device":"10112233445566778899aabbccddeeff","seq":1,"clock":6,"kind":"account","account":"A","fields":{"set":{"labels":{"value":{"b":1,"a":null},"at":6},"removed":{"value":true,"at":2}},"recoveryAt":5}}`,
		`{"device":"00112233445566778899aabbccddeeff","seq":1,"clock":5,"kind":"shared","fields":{"set":{"x":{"value":1,"at":5}}}}`,
		`{"device":"00112233445566778899aabbccddeeff","seq":2,"clock":5,"kind":"new","version":7,"what":[[[[]]]]}`,
		`{"device":"00","seq":1}`, `{}`, `null`, ``,
	} {
		f.Add([]byte(text+signature), []byte(`{"device":"20112233445566778899aabbccddeeff","seq":1,"clock":6,"kind":"account","account":"A","fields":{"fixed":{"type":"hotp","secret":"T","digits":6},"set":{"labels":{"value":1,"at":6}},"recoveryAt":5,"recovery":[{"code":"x","used":7}]}}`+signature))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		x, err := parseOperation(Hash{}, a)
		if err != nil {
			return
		}
		again, err := parseOperation(Hash{}, x.packed)
		if err != nil || again.hash != x.hash || again.Seq != x.Seq || again.Device != x.Device {
			t.Fatal("it reads differently the second time")
		}
		x.verify(Hash{}, make([]byte, ed25519.PublicKeySize))
		y, err := parseOperation(Hash{}, b)
		if err != nil || !understands(&x.Operation) || !understands(&y.Operation) {
			return
		}
		if x.Device == y.Device && x.Seq == y.Seq { // the chain never lets two of them in
			return
		}
		one, two := newState(), newState()
		for _, op := range []*signed{x, y} {
			one.join(&op.Operation)
		}
		for _, op := range []*signed{y, x, x, y} {
			two.join(&op.Operation)
		}
		if one.Hash() != two.Hash() {
			t.Fatal("the order matters")
		}
		v := one.Apply(View{}, epochStart)
		if len(one.Diff(v)) > 0 {
			t.Fatalf("what was applied differs: %+v", one.Diff(v))
		}
	})
}

// Any bytes as an entry, before and behind a good one.
func FuzzMembers(f *testing.F) {
	made, err := five()
	if err != nil {
		f.Fatal(err)
	}
	good := made[0].chain.packed
	for _, p := range good {
		f.Add(p)
	}
	c, head := made[0], made[0].chain.head()
	removal, err := signEntry(c.device.key, entry{Index: head.Seq + 1, Prev: head.Hash, Kind: entryRemove, Device: made[1].self, Epoch: 2, Keys: []byte{1}, Signer: c.self})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(removal)
	f.Fuzz(func(t *testing.T, packed []byte) {
		var c chain
		for i := 0; i <= len(good); i++ {
			before := len(c.entries)
			isNew, err := c.take(packed)
			if isNew != (len(c.entries) == before+1) || isNew && err != nil {
				t.Fatal("the chain and the answer differ")
			}
			if isNew { // only who has a key of a member can make one that counts
				e := c.entries[before]
				if m := c.members[e.Signer]; m == nil || !verifyEntry(packed, m.Key) {
					t.Fatal("an entry that no member signed")
				}
				return
			}
			if i < len(good) {
				if _, err := c.take(good[i]); err != nil {
					t.Fatalf("the good entry %d after it: %v", i, err)
				}
			}
		}
	})
}

// Any bytes as a record, and any bytes inside of a sealed one.
func FuzzRecord(f *testing.F) {
	made, err := five()
	if err != nil {
		f.Fatal(err)
	}
	c := made[0]
	record, err := c.ring[1].seal(c.self, 7, []byte("{}"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(record, []byte("{}"))
	f.Add([]byte{2}, []byte(`{"device":""}`))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, record, packed []byte) {
		r := copies(t, fixed)[1]
		var inside [][]byte
		if sealed, err := r.ring[1].seal(r.self, 1, packed); err == nil {
			inside = append(inside, sealed)
		}
		before := r.State().Hash()
		if err := r.Take("w", Batch{Entries: append(inside, record), Records: append(inside, record), Position: "x"}); err != nil {
			t.Fatal(err)
		}
		if r.State().Hash() != before {
			t.Fatal("bytes that nobody signed are applied")
		}
	})
}

// Histories that the fuzzer chooses, against the reference.
func FuzzSchedule(f *testing.F) {
	f.Add(uint64(1), uint8(30))
	f.Add(uint64(10424452136750464), uint8(30))
	f.Fuzz(func(t *testing.T, seed uint64, steps uint8) { schedule(t, seed, int(steps)%100) })
}

// Any bytes as each message of an enrollment, sealed by one who has the words, or not.
func FuzzEnrollment(f *testing.F) {
	code := Code{}
	s := newSealer(code.key(), enrollLabel, Hash{}, 0)
	f.Add(uint8(0), []byte(`{"commitment":"00"}`), true)
	f.Add(uint8(1), []byte(`{"ephemeral":"CQ==","member":{"key":"","recipient":"age1","name":"x"}}`), true)
	f.Add(uint8(2), []byte(`{"ephemeral":""}`), true)
	f.Add(uint8(4), []byte(`{"welcome":{"vault":"","anchor":{},"epochs":{"1":""}}}`), true)
	f.Add(uint8(3), []byte{1}, false)
	f.Fuzz(func(t *testing.T, place uint8, raw []byte, sealed bool) {
		message := raw
		if sealed {
			var err error
			if message, err = s.seal(DeviceID{}, uint64(place), raw); err != nil {
				return
			}
		}
		var (
			h hello
			q request
			v reveal
			p proof
			a answer
		)
		for i, to := range []any{&h, &q, &v, &p, &a} {
			if err := openMessage(s, i, message, to); err == nil && (!sealed || i != int(place)) {
				t.Fatal("what was not sealed for its place opens")
			}
		}
		if q.Member.check() == nil && len(q.Member.Key) != 32 {
			t.Fatal("a member with another key")
		}
	})
}

// Any text as words: none, or the ones that say it again.
func FuzzParseCode(f *testing.F) {
	f.Add(NewCode().Words())
	f.Add("abandon")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCode(text)
		if err != nil {
			return
		}
		if again, err := ParseCode(c.Words()); err != nil || again != c {
			t.Fatal("it reads differently the second time")
		}
	})
}
