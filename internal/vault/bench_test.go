package vault

import (
	"crypto/rand"
	"fmt"
	"testing"

	"codefob/internal/account"
)

// of returns a vault of n typical accounts: issuer, name, one site.
func of(tb testing.TB, n int) *Vault {
	tb.Helper()
	v := newVault(tb)
	check(tb, v.Update(func(tx *Tx) error {
		for i := range n {
			a := account.New(account.TOTP, fmt.Sprintf("Service %d", i), fmt.Sprintf("alice%d@example.com", i), account.NewSecret(fmt.Appendf(nil, "secret of %010d", i)))
			a.Sites = []string{fmt.Sprintf("https://login.service%d.example", i)}
			if _, err := tx.Add(a); err != nil {
				return err
			}
		}
		return nil
	}))
	return v
}

func BenchmarkUnlock(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			v := of(b, n)
			text := []byte(v.identity.String())
			b.ReportAllocs()
			for b.Loop() {
				again, err := Open(v.home)
				check(b, err)
				check(b, again.UnlockIdentity(text))
			}
		})
	}
}

func BenchmarkSave(b *testing.B) {
	v := of(b, 10_000)
	id := v.Accounts()[0].ID
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		check(b, v.Update(func(tx *Tx) error {
			return tx.Edit(id, func(a *account.Account) error { a.Name = fmt.Sprint(i); return nil })
		}))
	}
}

func BenchmarkRefreshUnchanged(b *testing.B) {
	v := of(b, 1)
	b.ReportAllocs()
	for b.Loop() {
		if changed, err := v.Refresh(); changed || err != nil {
			b.Fatal(changed, err)
		}
	}
}

func BenchmarkSpend(b *testing.B) {
	v := of(b, keepUses)
	ids := v.Accounts()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		a := ids[i%len(ids)]
		r := Record{Act: ActFill, Account: a.ID, Label: a.Label(), Host: "login.example.com", By: "firefox"}
		check(b, v.Spend(r, rand.Text(), Budget{1 << 30, 1 << 30}))
	}
}
