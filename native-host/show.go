package main

import "codefob/internal/account"

func (c *cli) show(args []string) error {
	fs := c.flags("show")
	asJSON := fs.Bool("json", false, "print JSON")
	query, err := parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	_, a, err := c.openOne(query[0])
	if err != nil {
		return err
	}
	if *asJSON {
		return c.ui.json(listedOf(a))
	}
	c.ui.print("id         %s\nissuer     %s\naccount    %s\ntype       %s\nalgorithm  %s\ndigits     %d\n", a.ID, a.Issuer, a.Name, a.Type, a.Algorithm, a.Digits)
	if a.Type == account.HOTP {
		c.ui.print("counter    %d\n", a.Counter)
	} else {
		c.ui.print("period     %s\n", a.Period)
	}
	if a.NeedsPIN() {
		c.ui.print("pin        not known\n")
	}
	for _, s := range a.Sites {
		c.ui.print("site       %s\n", s)
	}
	c.ui.print("append     %s\nsubmit     %s\nask        %s\n", onOff(a.Append), onOff(a.Submit), onOff(a.Ask))
	if len(a.RecoveryCodes) > 0 {
		c.ui.print("recovery   %d of %d left\n", a.RecoveryLeft(), len(a.RecoveryCodes))
	}
	return nil
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
