package host

import (
	"context"
	"errors"

	"codefob/internal/account"
	"codefob/internal/interchange"
	"codefob/internal/protocol"
	"codefob/internal/qr"
	"codefob/internal/site"
	"codefob/internal/vault"
)

func badRequest(message string) *protocol.Error {
	return &protocol.Error{Code: protocol.ErrBadRequest, Message: message, Hint: "Update Codefob: extension and host do not fit together."}
}

// ErrDismissed says that the person closed the question.
var ErrDismissed = errors.New("the question was dismissed")

func unlockError(err error) *protocol.Error {
	if errors.Is(err, ErrDismissed) {
		return &protocol.Error{Code: protocol.ErrUnlock, Message: "The vault stays locked: you closed the question.", Hint: "Unlock it when you want to."}
	}
	return &protocol.Error{Code: protocol.ErrUnlock, Message: "Codefob could not ask for the passphrase: " + err.Error() + ".",
		Hint: "Install a pinentry program, or let the vault open with your session: run in a terminal: codefob keychain"}
}

// answers says what each error means to the person, the first that fits.
var answers = []struct {
	err   error
	reply protocol.Error
}{
	{vault.ErrMissing, protocol.Error{Code: protocol.ErrVaultMissing, Message: "There is no vault on this computer yet.", Hint: "Run this in a terminal: codefob init"}},
	{vault.ErrLocked, protocol.Error{Code: protocol.ErrVaultLocked, Message: "The vault is locked.", Hint: "Unlock it first."}},
	{vault.ErrLockedByUs, protocol.Error{Code: protocol.ErrVaultLocked, Message: "The vault is locked.", Hint: "Unlock it first."}},
	{vault.ErrNewer, protocol.Error{Code: protocol.ErrVaultNewer, Message: "The vault was written by a newer version of Codefob.", Hint: "Update Codefob on this computer."}},
	{vault.ErrDamaged, protocol.Error{Code: protocol.ErrVaultDamaged, Message: "A file of the vault cannot be read.", Hint: "Run this in a terminal, it says which and what to do: codefob doctor"}},
	{vault.ErrNoSlot, protocol.Error{Code: protocol.ErrVaultDamaged, Message: "The vault has lost its passphrase slot.", Hint: "Set a new passphrase in a terminal: codefob passphrase --recovery-key"}},
	{vault.ErrUnread, protocol.Error{Code: protocol.ErrVaultDamaged, Message: "The files of the vault cannot be read.", Hint: "They may belong to another user. Run this in a terminal: codefob doctor"}},
	{vault.ErrBusy, protocol.Error{Code: protocol.ErrVaultStorage, Message: "Another program is saving the vault.", Hint: "Try again in a moment."}},
	{vault.ErrStorage, protocol.Error{Code: protocol.ErrVaultStorage, Message: "The vault could not be saved: the disk is full, or its folder cannot be written.", Hint: "Nothing was changed. Run this in a terminal: codefob doctor"}},
	{errHandle, protocol.Error{Code: protocol.ErrHandle, Message: "The list of accounts is out of date.", Hint: "Open the popup again."}},
	{vault.ErrNoAccount, protocol.Error{Code: protocol.ErrHandle, Message: "The account was removed.", Hint: "Open the popup again."}},
	{vault.ErrNonce, protocol.Error{Code: protocol.ErrBadRequest, Message: "The confirmation was used already.", Hint: "Confirm once more."}},
	{vault.ErrCounterEnd, protocol.Error{Code: protocol.ErrInternal, Message: "The counter of this account is at its end.", Hint: "Enroll the account anew at its site."}},
	{account.ErrPIN, protocol.Error{Code: protocol.ErrInternal, Message: "The codes of this account need a PIN that Codefob does not have.", Hint: "Give it in a terminal: codefob edit QUERY --pin-file FILE"}},
	{account.ErrNoRecovery, protocol.Error{Code: protocol.ErrRecoveryEmpty, Message: "This account has no recovery code left.", Hint: "Get new ones from the site once you are in, then run this in a terminal: codefob recovery"}},
	{account.ErrRecoveryLong, protocol.Error{Code: protocol.ErrRecoveryLong, Message: "The field takes fewer characters than the recovery code has.", Hint: "It may be another code's field. Else type it by hand: run this in a terminal: codefob recovery QUERY --next"}},
	{account.ErrRecoveryFull, protocol.Error{Code: protocol.ErrNotValid, Message: "At most 100 recovery codes are kept of an account.", Hint: "Nothing was saved. If the site gave new ones, take the old ones away first, in a terminal: codefob recovery QUERY --remove-all"}},
	{qr.ErrPicture, protocol.Error{Code: protocol.ErrPicture, Message: "This is no PNG or JPEG picture, or it is damaged.", Hint: "Take a screenshot of the QR code, and give that."}},
	{qr.ErrTooLarge, protocol.Error{Code: protocol.ErrPicture, Message: "The picture is too large.", Hint: "Take a screenshot of the QR code alone, and give that."}},
	{qr.ErrNone, protocol.Error{Code: protocol.ErrNoQR, Message: "There is no QR code in the picture.", Hint: "Let the whole code be seen, larger if it is small, and try again. Or paste the setup key that the site shows beside it."}},
	{errTicket, protocol.Error{Code: protocol.ErrTicket, Message: "What was read is out of date, or was saved already.", Hint: "Read the QR code or the key again."}},
	{interchange.ErrTooMany, protocol.Error{Code: protocol.ErrLimit, Message: "There are more accounts in it than can be shown at once.", Hint: "Put it into a file, and run this in a terminal: codefob import FILE"}},
	{vault.ErrManyMarks, protocol.Error{Code: protocol.ErrLimit, Message: "This site has 64 marked fields already, and more are not kept.", Hint: `At this site, open "Why no code here?" in the popup and choose "Forget what I said".`}},
	{vault.ErrManyTaught, protocol.Error{Code: protocol.ErrLimit, Message: "1,000 sites have marked fields already, and more are not kept.", Hint: `At a site that you taught, open "Why no code here?" in the popup and choose "Forget what I said".`}},
	{vault.ErrManyReminders, protocol.Error{Code: protocol.ErrLimit, Message: "500 services wait for a reminder already, and more are not kept.", Hint: `At a site that you wanted to be reminded of, open the popup and choose "Do not remind me".`}},
	{site.ErrInsecure, protocol.Error{Code: protocol.ErrOrigin, Message: "This page did not come over https. Anybody on the network could read the code.", Hint: "Open the site with https://."}},
	{site.ErrFrame, protocol.Error{Code: protocol.ErrFrame, Message: "The field is in a frame of another site.", Hint: "Open the frame's own page in a tab, or run this in a terminal: codefob code"}},
	{site.ErrRefused, protocol.Error{Code: protocol.ErrOrigin, Message: "This page has no address that an account could belong to.", Hint: "Run this in a terminal instead: codefob code"}},
	{context.Canceled, protocol.Error{Code: protocol.ErrUnlock, Message: "The browser ended the connection meanwhile.", Hint: "Try again."}},
	{errNotAllowed, protocol.Error{Code: protocol.ErrNotAllowed, Message: "The account has not been used on this host before.", Hint: "Agree to use it here first."}},
}

func errorFor(err error) *protocol.Error {
	if e, ok := errors.AsType[*protocol.Error](err); ok {
		return e
	}
	if errors.Is(err, vault.ErrBudget) { // says how long to wait
		return &protocol.Error{Code: protocol.ErrBudget, Message: err.Error(), Hint: "Wait, and try again."}
	}
	for _, a := range answers {
		if errors.Is(err, a.err) {
			return &a.reply
		}
	}
	return &protocol.Error{Code: protocol.ErrInternal, Message: "Something went wrong in Codefob.", Hint: "Run this in a terminal: codefob doctor"}
}
