package main

import (
	"errors"
	"fmt"

	"codefob/internal/prompt"
	"codefob/internal/vault"
)

func (c *cli) remove(args []string) error {
	fs := c.flags("remove")
	yes := fs.Bool("yes", false, "do not ask")
	query, err := parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	v, a, err := c.openOne(query[0])
	if err != nil {
		return err
	}
	question := fmt.Sprintf("Remove %s? You will need its codes to log in there, unless you turned that off.", a.Label())
	if means, err := c.meansIt(*yes, question); !means {
		return err
	}
	if err := v.Update(func(tx *vault.Tx) error { return tx.Remove(a.ID) }); err != nil {
		return err
	}
	c.ui.say("removed %s", a.Label())
	c.ui.say("for 90 days, this brings it back: codefob restore %s", a.ID)
	return nil
}

// meansIt asks before something is taken away, unless yes was said before.
func (c *cli) meansIt(yes bool, question string) (bool, error) {
	if yes {
		return true, nil
	}
	means, err := c.ask.Confirm(question)
	if errors.Is(err, prompt.ErrUnavailable) {
		return false, withHint(err, "say --yes if you mean it")
	}
	if err == nil && !means {
		c.ui.say("nothing removed")
	}
	return means, err
}
