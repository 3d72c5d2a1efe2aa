package host

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"codefob/internal/protocol"
	"codefob/internal/vault"
)

// told is the log in short, the newest first.
func (r *rig) told() (lines []string) {
	r.Helper()
	for _, e := range get[protocol.LogResult](r, protocol.MethodLog, protocol.LogParams{Limit: protocol.MaxRecords}).Records {
		line := fmt.Sprintf("%s %q %s by %s", e.Act, e.Account, e.Host, e.By)
		if e.Refused != "" {
			line += fmt.Sprintf(": %s ×%d", e.Refused, e.Times)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestLogOfReleases(t *testing.T) {
	asking := totp("Asking", "carol", example)
	asking.Ask = true
	r := newRig(t, totp("Example", "alice", example, "https://f.example in https://t.example"), asking)
	r.check(r.other.Note(vault.Record{Act: "of a newer version"}))
	r.hello()
	alice, carol := r.handle("alice"), r.handle("carol")
	private := page(example)
	private.Private = true
	document := page(example)
	odd := page(`https://<script>"\` + "\x1b[31m\u202e")
	code := get[protocol.ReleaseResult](r, protocol.MethodCode, fill(alice, page(example))).Code
	get[protocol.ReleaseResult](r, protocol.MethodCode, fill(alice, private))
	get[protocol.ReleaseResult](r, protocol.MethodCode, fill(alice, page("https://f.example", "https://t.example")))
	get[protocol.ReleaseResult](r, protocol.MethodCode, protocol.ReleaseParams{Handle: alice, Nonce: nonce(), Purpose: protocol.PurposeCopy, Context: &private})
	r.fails(protocol.MethodCode, fill(alice, page("https://evil.example")), protocol.ErrNotAllowed)
	r.fails(protocol.MethodCode, fill(alice, page("https://evil.example")), protocol.ErrNotAllowed)
	private.Origin = "https://secret.example"
	r.fails(protocol.MethodCode, fill(alice, private), protocol.ErrNotAllowed)
	r.fails(protocol.MethodCode, fill(alice, page(example, "https://evil.example")), protocol.ErrFrame)
	r.fails(protocol.MethodCode, fill(alice, odd), protocol.ErrOrigin)
	r.fails(protocol.MethodCode, fill("nobody's", page(example)), protocol.ErrHandle)
	r.fails(protocol.MethodCode, protocol.ReleaseParams{Handle: alice, Nonce: nonce(), Purpose: protocol.Purpose(strings.Repeat("x", 1000))}, protocol.ErrBadRequest)
	r.fails(protocol.MethodRecovery, protocol.RecoveryParams{Handle: alice, Context: page(example), Nonce: nonce()}, protocol.ErrRecoveryEmpty)
	r.agrees <- agreement{}
	r.fails(protocol.MethodCode, fill(carol, page(example)), protocol.ErrDeclined)
	<-r.asked
	r.agrees <- agreement{yes: true}
	get[protocol.ReleaseResult](r, protocol.MethodCode, fill(carol, page(example)))
	<-r.asked
	get[protocol.SaveResult](r, protocol.MethodSave, protocol.SaveParams{Handle: alice, Codes: []string{"abcd-1111"}})
	recovery := get[protocol.RecoveryResult](r, protocol.MethodRecovery, protocol.RecoveryParams{Handle: alice, Context: page(example), Nonce: nonce()}).Code
	r.agrees <- agreement{err: errNoDialog}
	r.fails(protocol.MethodCode, fill(alice, page(example)), protocol.ErrBudget)
	<-r.asked
	want := []string{
		`fill "Example (alice)" example.com by chromium`,
		`fill "Example (alice)"  by chromium`,
		`fill "Example (alice)" f.example in t.example by chromium`,
		`copy "Example (alice)"  by chromium`,
		`fill "Example (alice)" evil.example by chromium: not_allowed ×2`,
		`fill "Example (alice)"  by chromium: not_allowed ×1`,
		`fill "Example (alice)" example.com in evil.example by chromium: frame_refused ×1`,
		`fill "Example (alice)" https://<script>[31m by chromium: origin_refused ×1`,
		`fill "" example.com by chromium: unknown_handle ×1`,
		`fill "Example (alice)"  by chromium: bad_request ×1`,
		`recovery "Example (alice)" example.com by chromium: recovery_empty ×1`,
		`fill "Asking (carol)" example.com by chromium: declined ×1`,
		`fill "Asking (carol)" example.com by chromium`,
		`recovery "Example (alice)" example.com by chromium`,
		`fill "Example (alice)" example.com by chromium: budget_used ×1`,
	}
	got := r.told()
	slices.Sort(got) // within a millisecond the order is open
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the log tells\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, secret := range []string{code, recovery} {
		if all := strings.Join(got, " "); secret == "" || strings.Contains(all, secret) {
			t.Errorf("the log tells the code %q: %s", secret, all)
		}
	}
	page := get[protocol.LogResult](r, protocol.MethodLog, protocol.LogParams{Offset: 13, Limit: 1})
	if len(page.Records) != 1 || page.Total != 15 || page.Missing != 0 || page.Records[0].Since != page.Records[0].At {
		t.Errorf("one of them: %+v", page)
	}
	if page := get[protocol.LogResult](r, protocol.MethodLog, protocol.LogParams{Offset: 1 << 40, Limit: 1}); len(page.Records) != 0 || page.Records == nil {
		t.Errorf("beyond the end: %+v", page)
	}
	for _, bad := range []protocol.LogParams{{}, {Limit: protocol.MaxRecords + 1}, {Limit: 1, Offset: -1}} {
		r.fails(protocol.MethodLog, bad, protocol.ErrBadRequest)
	}
	get[protocol.VaultResult](r, protocol.MethodLock, nil)
	r.fails(protocol.MethodCode, fill(alice, document), protocol.ErrVaultLocked)
	r.fails(protocol.MethodLog, protocol.LogParams{Limit: 1}, protocol.ErrVaultLocked)
}

// A page of the longest records fits into a reply: attack N6.
func TestAFullPageOfTheLog(t *testing.T) {
	r := newRig(t)
	for i := range protocol.MaxRecords {
		long := fmt.Sprint(i) + strings.Repeat("<", 600)
		r.check(r.other.Note(vault.Record{Act: vault.ActFill, Label: long, Host: long, By: "firefox", Refused: "budget_used"}))
	}
	s := r.call(protocol.MethodLog, protocol.LogParams{Limit: protocol.MaxRecords})
	var got protocol.LogResult
	r.check(json.Unmarshal(s.Result, &got))
	if len(got.Records) != protocol.MaxRecords || len(s.Result) > protocol.MaxReply/4 {
		t.Errorf("%d records in %d bytes", len(got.Records), len(s.Result))
	}
}

// The protocol has the acts that the vault keeps.
func TestActs(t *testing.T) {
	for _, act := range []vault.Act{vault.ActFill, vault.ActShow, vault.ActCopy, vault.ActRecovery, vault.ActPrint, vault.ActSheet, vault.ActExport, vault.ActBackup, vault.ActClear} {
		if !slices.Contains(protocol.LogActs, protocol.LogAct(act)) {
			t.Errorf("no %q on the wire", act)
		}
	}
}
