package main

import (
	"fmt"
	"time"

	"codefob/internal/account"
	"codefob/internal/vault"
)

func (c *cli) code(args []string) error {
	fs := c.flags("code")
	at := fs.String("at", "", "the code of another `TIME`: as in 2026-11-22T10:00:00Z, or seconds since 1970")
	asJSON := fs.Bool("json", false, "print JSON")
	query, err := parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	when := time.Now()
	if *at != "" {
		if when, err = parseTime(*at); err != nil {
			return err
		}
	}
	v, a, err := c.openOne(query[0])
	if err != nil {
		return err
	}
	out := struct {
		Code    string  `json:"code"`
		Left    int     `json:"secondsLeft,omitzero"`
		Counter *uint64 `json:"counter,omitzero"`
	}{}
	switch {
	case a.Type == account.HOTP && *at != "":
		return misused("the codes of %s count, they have no time", a.Label())
	case a.Type == account.HOTP:
		if out.Code, err = v.NextCode(a.ID); err != nil {
			return err
		}
		after, _ := v.Account(a.ID)
		after.Counter--
		out.Counter = &after.Counter
	default:
		var until time.Time
		if out.Code, _, until, err = a.Code(when); err != nil {
			return err
		}
		out.Left = int((until.Sub(when) + time.Second - 1) / time.Second)
	}
	c.note(v, vault.ActPrint, a)
	if *asJSON {
		return c.ui.json(out)
	}
	c.ui.print("%s\n", out.Code)
	if out.Left > 0 {
		c.ui.say("good for %d s", out.Left)
	}
	return nil
}

func parseTime(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	var unix int64
	if n, err := fmt.Sscanf(text+"\n", "%d\n", &unix); err == nil && n == 1 {
		return time.Unix(unix, 0), nil
	}
	return time.Time{}, misused("%q is not a time: write 2026-11-22T10:00:00Z or seconds since 1970", text)
}
