package syncing

import (
	"errors"
	"fmt"
	"strings"

	"codefob/internal/vault"
	"codefob/internal/vaultsync"
)

// troubleOf says a trouble in words. device is the name of the one that it is about, if there is one.
func troubleOf(t vaultsync.Trouble, device string, rivals []string) Trouble {
	out := Trouble{Kind: string(t.Kind), Carrier: t.Carrier, Device: device}
	who, brought := "a device", ""
	if device != "" {
		who = device
	}
	if t.Carrier != "" {
		brought = " (" + t.Carrier + " brought it)"
	}
	switch t.Kind {
	case vaultsync.Fork:
		out.Foul = true
		if device == "" {
			out.Text = fmt.Sprintf("two devices changed who takes part at once, or somebody meddled%s. This computer keeps what it had first. "+
				"See on each computer with \"codefob devices\" who takes part there. The one that stands alone begins anew: \"codefob devices join\" there, "+
				"after \"codefob devices remove\" of its old name on another", brought)
			break
		}
		out.Text = fmt.Sprintf("%s tells two different stories%s: an older copy of its disk was put back, or its keys are in other hands. "+
			"What came second is not taken. Remove it with \"codefob devices remove\", and let it in again if it is yours", who, brought)
	case vaultsync.Older:
		out.Foul = true
		out.Text = fmt.Sprintf("%s lost changes that it had before; this computer gives them to it again. "+
			"If nobody lost its storage or put an older copy back, do not trust it: use another one", t.Carrier)
	case vaultsync.Hole:
		out.Foul = true // it is told when it lasts
		out.Text = fmt.Sprintf("changes of %s came that build on others which have not%s. Wait, or let %s sync once more. "+
			"If it stays so, somebody may hold changes back", who, brought, who)
		if device == "" {
			out.Text = fmt.Sprintf("it came who takes part later, and not what was before%s. Wait. If it stays so, somebody may hold changes back, "+
				"or a device that you removed meddles: use another folder or relay", brought)
		}
	case vaultsync.Changed:
		out.Foul = true
		out.Text = fmt.Sprintf("%s has something that is not whole, or was changed on its way. It is not taken. "+
			"Wait until all is copied; if it stays so, do not trust it: use another one", t.Carrier)
	case vaultsync.Stranger:
		out.Foul = true
		out.Text = fmt.Sprintf("%s has changes of a device that does not take part. They are not taken. If it stays so, do not trust it: use another one", t.Carrier)
	case vaultsync.ClockOff:
		out.Text = fmt.Sprintf("a change of %s is from more than 10 minutes ahead, and waits until then. Set the clock of that computer, or of this one", who)
	case vaultsync.Newer:
		out.Text = "a newer version of Codefob wrote something. It is kept and passed on, but not used here. Update Codefob on this computer"
	case vaultsync.TwoSecret:
		out.Text = fmt.Sprintf("two computers have different secrets under the same id, and each keeps its own: %s. "+
			"Add one of the two anew, and remove it under the old id", strings.Join(rivals, ", "))
	default:
		out.Text = fmt.Sprintf("something is wrong that this version has no words for: %s", t.Kind)
	}
	return out
}

// What package vaultsync does not know of.
var (
	removedHere = Trouble{Kind: "removed", Text: "this computer was removed by another: nothing more is synced. Its vault works as before. " +
		"To take part again: \"codefob devices add\" on another one, and \"codefob devices join\" here"}
	notYet = Trouble{Kind: "waiting", Text: "what the other computers have has not come yet, and nothing of this one goes out before. " +
		"Wait until the folder is copied, or the relay can be reached"}
	tooLarge = Trouble{Kind: "too-large", Text: "something in the vault is too large to be synced, and stays on this computer alone. " +
		"Take some of the account's sites or recovery codes away"}
)

func oddAccounts(n int) Trouble {
	what := "an account"
	if n > 1 {
		what = fmt.Sprintf("%d accounts", n)
	}
	return Trouble{Kind: "newer", Text: what + " of another computer cannot be used by this version. Nothing is lost. Update Codefob on this computer"}
}

// refusedHere says why this computer does not sync, and what to do.
func refusedHere(err error) string {
	hint := "run \"codefob doctor\" in a terminal"
	switch {
	case errors.Is(err, vaultsync.ErrStorage), errors.Is(err, vault.ErrStorage):
		hint = "make room on the disk, or make its folder writable"
	case errors.Is(err, ErrBusy):
		hint = "if it goes on, end the codefob process that hangs"
	}
	return fmt.Sprintf("%s; %s", err, hint)
}
