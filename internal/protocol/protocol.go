// Package protocol defines what the extension and the host say to each other
// over native messaging: one JSON object a message, framed by package
// nativemsg. It is the only definition; extension/src/protocol.ts is generated
// from it (make generate) and a test fails when the two differ.
//
// It imports the standard library only.
package protocol

import "encoding/json"

// Version is raised when a change would break an older extension.
const Version = 1

// HostName is the name under which browsers know the host.
const HostName = "codefob"

// Caps, checked before anything is allocated.
const (
	MaxRequest = 64 << 10 // What the host accepts, in bytes.
	MaxPicture = 8 << 20  // The same of qr.read alone.
	MaxReply   = 1 << 20  // What browsers accept from a host, in bytes.
)

// MaxAccounts is the most accounts one reply lists.
const MaxAccounts = 50

// MaxRecords is the most records of the log that one reply lists.
const MaxRecords = 100

// MaxText is the most bytes of what uri.read reads.
const MaxText = 32 << 10

// MaxRecovery is the most recovery codes of one recovery.save.
const MaxRecovery = 100

// What a vault keeps of what the user taught and wants to be reminded of.
const (
	MaxMarks    = 64   // Of one site.
	MaxTaught   = 1000 // Sites with marks.
	MaxField    = 200  // Bytes of a field's name.
	MaxServices = 500  // Services with a reminder; as many one reply lists.
)

// MaxLength is the most characters that RecoveryParams says of a field.
const MaxLength = 10_000

// Method is a request's name. The set is closed.
type Method string

// The methods, each with its parameters and its result.
const (
	MethodHello    Method = "host.hello"      // HelloParams → HelloResult
	MethodUnlock   Method = "vault.unlock"    // – → VaultResult, once the native prompt ended
	MethodLock     Method = "vault.lock"      // – → VaultResult
	MethodMatch    Method = "accounts.match"  // MatchParams → MatchResult
	MethodSearch   Method = "accounts.search" // SearchParams → SearchResult
	MethodAllow    Method = "site.allow"      // AllowParams → AllowResult
	MethodCode     Method = "code.release"    // ReleaseParams → ReleaseResult
	MethodMarks    Method = "site.marks"      // MarksParams → MarksResult
	MethodMark     Method = "site.mark"       // MarkParams → MarksResult
	MethodFacts    Method = "service.facts"   // FactsParams → FactsResult
	MethodRemind   Method = "service.remind"  // RemindParams → RemindResult
	MethodServices Method = "services.list"   // – → ServicesResult
	MethodRecovery Method = "recovery.next"   // RecoveryParams → RecoveryResult
	MethodSave     Method = "recovery.save"   // SaveParams → SaveResult
	MethodQR       Method = "qr.read"         // QRParams → OffersResult
	MethodURI      Method = "uri.read"        // URIParams → OffersResult
	MethodEnroll   Method = "account.enroll"  // EnrollParams → EnrollResult
	MethodList     Method = "accounts.list"   // ListParams → ListResult
	MethodEdit     Method = "account.edit"    // EditParams → Detail
	MethodRemove   Method = "account.remove"  // HandleParams → HandleResult
	MethodRestore  Method = "account.restore" // HandleParams → Detail
	MethodLog      Method = "log.list"        // LogParams → LogResult
	MethodSync     Method = "sync.status"     // – → SyncResult
)

// Methods lists the closed set.
var Methods = []Method{
	MethodHello, MethodUnlock, MethodLock, MethodMatch, MethodSearch, MethodAllow, MethodCode,
	MethodMarks, MethodMark, MethodFacts, MethodRemind, MethodServices, MethodRecovery, MethodSave,
	MethodQR, MethodURI, MethodEnroll, MethodList, MethodEdit, MethodRemove, MethodRestore,
	MethodLog, MethodSync,
}

// Request is one message from the extension.
type Request struct {
	ID     uint32          `json:"id"`               // the reply carries the same number
	Method Method          `json:"method"`           //
	Params json.RawMessage `json:"params,omitempty"` // an object, or left out where the method takes none
}

// Reply is one message from the host: a result or an error, never both.
type Reply struct {
	ID     uint32 `json:"id"` // 0 when the request's number could not be read
	Result any    `json:"result,omitempty"`
	Error  *Error `json:"error,omitempty"`
}

// Error says what went wrong, in words for the person, and in Hint what to do next.
type Error struct {
	Code    ErrorCode `json:"code"`
	Message string    `json:"message"`
	Hint    string    `json:"hint,omitempty"`
}

// Error lets an Error travel as a Go error.
func (e *Error) Error() string { return e.Message }

// ErrorCode is what the extension branches on. The set is closed.
type ErrorCode string

// The error codes.
const (
	ErrBadRequest    ErrorCode = "bad_request"       // not JSON, unknown fields, wrong types
	ErrUnknownMethod ErrorCode = "unknown_method"    // outside the closed set
	ErrTooLarge      ErrorCode = "too_large"         // over MaxRequest
	ErrVaultMissing  ErrorCode = "vault_missing"     // no vault yet: codefob init
	ErrVaultLocked   ErrorCode = "vault_locked"      // unlock first
	ErrVaultDamaged  ErrorCode = "vault_damaged"     // a file of the vault cannot be read
	ErrVaultNewer    ErrorCode = "vault_newer"       // written by a newer Codefob
	ErrVaultStorage  ErrorCode = "vault_storage"     // full disk, read-only folder, another writer
	ErrUnlock        ErrorCode = "unlock_failed"     // prompt dismissed, missing, or the passphrase was wrong
	ErrHandle        ErrorCode = "unknown_handle"    // the handle is not of this session: match again
	ErrOrigin        ErrorCode = "origin_refused"    // this page can never get a code
	ErrFrame         ErrorCode = "frame_refused"     // the document stands in one of another site
	ErrNotAllowed    ErrorCode = "not_allowed"       // the account does not serve this host: ask, then site.allow
	ErrBudget        ErrorCode = "budget_used"       // too many codes in a short time
	ErrRecoveryEmpty ErrorCode = "recovery_empty"    // the account has no recovery code left
	ErrRecoveryLong  ErrorCode = "recovery_too_long" // the field takes fewer characters than the next recovery code has
	ErrLimit         ErrorCode = "limit_reached"     // the vault keeps no more of this: MaxMarks, MaxTaught, MaxServices
	ErrPicture       ErrorCode = "picture_refused"   // no PNG or JPEG picture, damaged, or too large
	ErrBusy          ErrorCode = "busy"              // another picture is read: try again
	ErrNoQR          ErrorCode = "no_qr"             // the picture holds no QR code
	ErrNotOTP        ErrorCode = "not_otp"           // what was read is no account with one-time codes
	ErrTicket        ErrorCode = "unknown_ticket"    // the ticket is not of this session, or was used: read the code again
	ErrExists        ErrorCode = "account_exists"    // an account with this very secret is in the vault
	ErrNotValid      ErrorCode = "not_valid"         // a name, site or recovery code that cannot be kept; the message says which
	ErrDeclined      ErrorCode = "declined"          // the user said no in the dialog, or it could not be shown
	ErrInternal      ErrorCode = "internal"          // a defect of ours
)

// ErrorCodes lists the closed set.
var ErrorCodes = []ErrorCode{
	ErrBadRequest, ErrUnknownMethod, ErrTooLarge, ErrVaultMissing, ErrVaultLocked, ErrVaultDamaged, ErrVaultNewer,
	ErrVaultStorage, ErrUnlock, ErrHandle, ErrOrigin, ErrFrame, ErrNotAllowed, ErrBudget,
	ErrRecoveryEmpty, ErrRecoveryLong, ErrLimit, ErrPicture, ErrBusy, ErrNoQR, ErrNotOTP, ErrTicket, ErrExists, ErrNotValid,
	ErrDeclined, ErrInternal,
}

// Context says where a code would go. The background script builds it from the
// browser's own sender record, never from what a page or a content script says.
// Origins are as the browser serialises them (HTML, "ASCII serialization of an
// origin"); "null" is refused.
type Context struct {
	Origin    string   `json:"origin"`              // of the document that holds the field
	Ancestors []string `json:"ancestors,omitempty"` // origins from its parent up to the top; none for a top document
	Tab       int64    `json:"tab"`
	Frame     int64    `json:"frame"`    // 0 is the top frame
	Document  string   `json:"document"` // names this one document; at most 64 bytes
	Private   bool     `json:"private,omitempty"`
}

// VaultState is what a host knows of the vault.
type VaultState string

// The vault's states.
const (
	VaultNone   VaultState = "none"
	VaultLocked VaultState = "locked"
	VaultOpen   VaultState = "open"
)

// VaultStates lists the closed set.
var VaultStates = []VaultState{VaultNone, VaultLocked, VaultOpen}

// HelloParams names the caller.
type HelloParams struct {
	Client    string `json:"client"`              // "chromium" or "firefox"
	Version   string `json:"version"`             // the extension's
	Challenge string `json:"challenge,omitempty"` // 32 random bytes, base64; left out where no proof is asked for
}

// HelloResult describes the host, and proves that it is the one that the user trusts.
type HelloResult struct {
	Version   string     `json:"version"`  // the host's
	Protocol  int        `json:"protocol"` // Version
	Platform  string     `json:"platform"` // GOOS
	Vault     VaultState `json:"vault"`
	Accounts  int        `json:"accounts"`            // 0 unless the vault is open
	Key       string     `json:"key,omitempty"`       // the host's public key, see docs/protocol.md
	Signature string     `json:"signature,omitempty"` // of the challenge
}

// VaultResult tells the state after a lock or unlock.
type VaultResult struct {
	Vault VaultState `json:"vault"`
}

// Strength says how well an account belongs to a host; see package site.
type Strength string

// The strengths, from the strongest.
const (
	StrengthBound     Strength = "bound"     // enrolled there, or the user allowed it: fills on a plain confirm
	StrengthKnown     Strength = "known"     // the directory of services lists the host for the issuer: ask once
	StrengthRelated   Strength = "related"   // same registrable domain as a bound host: ask once
	StrengthSuggested Strength = "suggested" // the issuer's name is the domain's label: ask once
	StrengthNone      Strength = "none"      // found by search only: warn, naming both sites
)

// Strengths lists the closed set.
var Strengths = []Strength{StrengthBound, StrengthKnown, StrengthRelated, StrengthSuggested, StrengthNone}

// AccountType is the kind of one-time code.
type AccountType string

// The types of accounts.
const (
	TypeTOTP  AccountType = "totp"  // RFC 6238
	TypeHOTP  AccountType = "hotp"  // RFC 4226
	TypeSteam AccountType = "steam" // Steam Guard: five letters and digits

	TypeMOTP   AccountType = "motp"   // Mobile-OTP: six hexadecimal digits
	TypeYandex AccountType = "yandex" // Yandex Key: eight letters
)

// AccountTypes lists the closed set.
var AccountTypes = []AccountType{TypeTOTP, TypeHOTP, TypeSteam, TypeMOTP, TypeYandex}

// Account is what the extension may know of an account.
type Account struct {
	Handle   string      `json:"handle"`  // names the account to this host process only
	Issuer   string      `json:"issuer"`  // may be empty
	Account  string      `json:"account"` // the user's name at the issuer; may be empty
	Strength Strength    `json:"strength"`
	Type     AccountType `json:"type"`
	Digits   int         `json:"digits"`         // characters of a code
	Period   int         `json:"period"`         // seconds; 0 for hotp
	Site     string      `json:"site,omitempty"` // a host that it serves, as shown to people
	Append   bool        `json:"append"`         // the code goes behind the password that was typed
	Submit   bool        `json:"submit"`         // the form is sent once the code is in
	Ask      bool        `json:"ask"`            // each code is asked for in a dialog of the system's
	Recovery int         `json:"recovery"`       // recovery codes left
}

// MatchParams asks which accounts may serve a document.
type MatchParams struct {
	Context Context `json:"context"`
}

// MatchResult lists them, the strongest first, then the last used.
type MatchResult struct {
	Host     string    `json:"host"` // the exact host, as shown to people: punycode, port unless default
	Accounts []Account `json:"accounts"`
}

// SearchParams looks for accounts by what the user typed in the popup.
type SearchParams struct {
	Query string `json:"query"` // empty lists all; at most 256 bytes
	Limit int    `json:"limit"` // 1 to MaxAccounts
	// Context is the tab that the popup stands over, for the strengths; may be left out.
	Context *Context `json:"context,omitempty"`
}

// SearchResult lists accounts by issuer and name; Total counts those beyond the limit too.
type SearchResult struct {
	Accounts []Account `json:"accounts"`
	Total    int       `json:"total"`
}

// AllowParams records that the user agreed to let an account serve a host.
type AllowParams struct {
	Handle  string  `json:"handle"`
	Context Context `json:"context"`
}

// AllowResult names the host that the account serves now.
type AllowResult struct {
	Host string `json:"host"`
}

// Purpose says what becomes of a code.
type Purpose string

// The purposes.
const (
	PurposeFill Purpose = "fill" // needs a context that the account is bound to
	PurposeShow Purpose = "show" // shown in the popup
	PurposeCopy Purpose = "copy" // put into the clipboard by the popup
)

// Purposes lists the closed set.
var Purposes = []Purpose{PurposeFill, PurposeShow, PurposeCopy}

// ReleaseParams asks for one code, after the user confirmed.
type ReleaseParams struct {
	Handle  string   `json:"handle"`
	Context *Context `json:"context,omitempty"` // needed to fill
	Nonce   string   `json:"nonce"`             // 16 to 64 bytes, new for each confirmation; used once
	Purpose Purpose  `json:"purpose"`
}

// ReleaseResult is a code and when it is good, in milliseconds since 1970.
//
// With under three seconds left of a period, a code to fill is that of the next
// period: ValidFrom then lies ahead, and the extension waits for it.
type ReleaseResult struct {
	Code      string `json:"code"`
	ValidFrom int64  `json:"validFrom"` // 0 for hotp
	ExpiresAt int64  `json:"expiresAt"` // 0 for hotp
	Asked     bool   `json:"asked"`     // the user said yes in a dialog, for which browsers close the popup
}

// MarksParams asks what the user taught of a document's site.
type MarksParams struct {
	Context Context `json:"context"`
}

// MarkAs is what the user says of a field.
type MarkAs string

// What a field can be marked as.
const (
	MarkTOTP   MarkAs = "totp"   // it takes the authenticator's code
	MarkNever  MarkAs = "never"  // no code belongs there
	MarkForget MarkAs = "forget" // takes the mark away: asked for, never kept
)

// MarksAs lists the closed set.
var MarksAs = []MarkAs{MarkTOTP, MarkNever, MarkForget}

// Mark is what the user taught of one field.
type Mark struct {
	Field string `json:"field"` // the extension's name for it, made of its attributes: 1 to MaxField bytes
	As    MarkAs `json:"as"`
}

// MarkParams teaches one field of the context's site, its origin.
type MarkParams struct {
	Context Context `json:"context"`
	Field   string  `json:"field"`
	As      MarkAs  `json:"as"`
}

// MarksResult lists the marks of the site, at most MaxMarks, by field.
type MarksResult struct {
	Marks []Mark `json:"marks"`
}

// TwoFactor is a way in which a service asks for a second factor.
type TwoFactor string

// The second factors.
const (
	TwoFactorSMS   TwoFactor = "sms"
	TwoFactorCall  TwoFactor = "call"
	TwoFactorEmail TwoFactor = "email"
	TwoFactorTOTP  TwoFactor = "totp" // any authenticator app
	TwoFactorApp   TwoFactor = "app"  // the service's own app
	TwoFactorKey   TwoFactor = "key"  // a security key, a passkey
)

// TwoFactors lists the closed set.
var TwoFactors = []TwoFactor{TwoFactorSMS, TwoFactorCall, TwoFactorEmail, TwoFactorTOTP, TwoFactorApp, TwoFactorKey}

// Service is what the directory says of a service.
type Service struct {
	Name     string      `json:"name"`
	Methods  []TwoFactor `json:"methods"`            // none if it is not known
	Setup    string      `json:"setup,omitempty"`    // https URL of the page that sets up an authenticator
	Recovery string      `json:"recovery,omitempty"` // https URL for those who cannot sign in
	Note     string      `json:"note,omitempty"`     // in English
}

// Reminder is how far the user is on the way from text messages to an authenticator.
type Reminder string

// The reminders.
const (
	ReminderNone      Reminder = "none"      // nothing is kept of the service
	ReminderSeen      Reminder = "seen"      // helped with a message that did not arrive; changes none but this
	ReminderWanted    Reminder = "wanted"    // remind me at the next visit
	ReminderDone      Reminder = "done"      // switched
	ReminderDismissed Reminder = "dismissed" // do not ask again
)

// Reminders lists the closed set.
var Reminders = []Reminder{ReminderNone, ReminderSeen, ReminderWanted, ReminderDone, ReminderDismissed}

// FactsParams asks about the service of a document's host.
type FactsParams struct {
	Context Context `json:"context"`
}

// FactsResult tells what is known, also of a service that the directory does not have.
type FactsResult struct {
	Name     string   `json:"name"`              // the service's name, else the registrable domain, else the host
	Service  *Service `json:"service,omitempty"` // left out where the directory has none
	Accounts int      `json:"accounts"`          // of the vault that serve it
	Reminder Reminder `json:"reminder"`
}

// RemindParams keeps the user's wish for the service of a document's host.
type RemindParams struct {
	Context  Context  `json:"context"`
	Reminder Reminder `json:"reminder"`
}

// RemindResult lists the hosts, without port, at which a reminder is wanted.
type RemindResult struct {
	Hosts []string `json:"hosts"`
}

// Stage says how far a service is from text messages.
type Stage string

// The stages.
const (
	StageSMS  Stage = "sms"          // on text messages, and no app possible that we know of
	StageApp  Stage = "app_possible" // the directory says that it takes an authenticator
	StageDone Stage = "done"         // the vault has an account of it, or the user said so
)

// Stages lists the closed set.
var Stages = []Stage{StageSMS, StageApp, StageDone}

// ServiceState is one service of the user's.
type ServiceState struct {
	Name     string   `json:"name"`
	Host     string   `json:"host"` // where it signs in; may be empty
	State    Stage    `json:"state"`
	Setup    string   `json:"setup,omitempty"` // https URL
	Reminder Reminder `json:"reminder"`
	Accounts int      `json:"accounts"` // of the vault that serve it
}

// ServicesResult lists the user's services by stage and name, the hosts as in
// [RemindResult], and the origins, at most MaxTaught and sorted, where a field
// is marked as MarkTOTP.
type ServicesResult struct {
	Services []ServiceState `json:"services"`
	Hosts    []string       `json:"hosts"`
	Taught   []string       `json:"taught"`
}

// RecoveryParams asks for one recovery code of an account that is bound to the
// context, after the user confirmed.
type RecoveryParams struct {
	Handle  string  `json:"handle"`
	Context Context `json:"context"`
	Nonce   string  `json:"nonce"`         // as in ReleaseParams
	Max     int     `json:"max,omitempty"` // characters that the field takes, up to MaxLength; 0 for any number
}

// RecoveryResult is a code that counts as used from now on.
type RecoveryResult struct {
	Code  string `json:"code"`  // without its spaces and dashes where it is longer than Max with them
	Left  int    `json:"left"`  // that were not used
	Asked bool   `json:"asked"` // as in ReleaseResult
}

// SaveParams keeps recovery codes that the site gave. The codes are as the page
// shows them, 1 to MaxRecovery.
type SaveParams struct {
	Handle string   `json:"handle"`
	Codes  []string `json:"codes"`
}

// SaveResult counts them.
type SaveResult struct {
	Added   int `json:"added"`
	Already int `json:"already"` // were there before
	Left    int `json:"left"`    // unused codes that the account has now
}

// QRParams is a picture with QR codes in it.
type QRParams struct {
	Picture string `json:"picture"` // base64 of a PNG or JPEG file
}

// URIParams is what the user pasted or clicked: an otpauth URI, a text of Google
// Authenticator's export, or a bare setup key.
type URIParams struct {
	Text string `json:"text"` // at most MaxText
}

// Offer is an account that could be enrolled. Its secret stays in the host, under the ticket.
type Offer struct {
	Ticket    string      `json:"ticket"`  // for one account.enroll with this host process, for ten minutes
	Issuer    string      `json:"issuer"`  // may be empty
	Account   string      `json:"account"` // the user's name at the issuer; may be empty
	Type      AccountType `json:"type"`
	Algorithm string      `json:"algorithm"`
	Digits    int         `json:"digits"`
	Period    int         `json:"period"`         // seconds; 0 for hotp
	Have      *Account    `json:"have,omitempty"` // the account of the vault with this very secret
}

// OffersResult lists what was read, at most MaxAccounts. Others counts what is no account with one-time codes.
type OffersResult struct {
	Offers []Offer `json:"offers"`
	Others int     `json:"others"`
	Parts  *Parts  `json:"parts,omitempty"` // left out where no export lacks a part
}

// Parts says how much was read of an export of Google Authenticator, which comes in several QR codes.
type Parts struct {
	Read []int `json:"read"` // their numbers, the first is 1
	Size int   `json:"size"` // how many the export has
}

// EnrollParams adds the account of a ticket, with the names as the user left them.
type EnrollParams struct {
	Ticket  string   `json:"ticket"`
	Issuer  string   `json:"issuer"`
	Account string   `json:"account"`
	Context *Context `json:"context,omitempty"` // the account is bound to its host; left out, to none
}

// EnrollResult is the account now in the vault.
type EnrollResult struct {
	Account Account `json:"account"`
}

// ListParams asks for a part of all accounts, in the order of their labels.
type ListParams struct {
	Query  string `json:"query"`  // empty lists all; at most 256 bytes
	Offset int    `json:"offset"` // from 0
	Limit  int    `json:"limit"`  // 1 to MaxAccounts
}

// Detail is an account with all that can be changed of it.
type Detail struct {
	Account   Account  `json:"account"`
	Algorithm string   `json:"algorithm"`
	Sites     []string `json:"sites"` // origins, as https://example.com; or "https://frame.example in https://top.example"
}

// ListResult lists accounts; Total counts those beyond the limit too.
type ListResult struct {
	Accounts []Detail `json:"accounts"`
	Total    int      `json:"total"`
}

// EditParams changes an account: all of it as it should be. A site is an origin
// as Detail has it, or a host as a person types it.
type EditParams struct {
	Handle  string   `json:"handle"`
	Issuer  string   `json:"issuer"`
	Account string   `json:"account"`
	Sites   []string `json:"sites"`
	Append  bool     `json:"append"`
	Submit  bool     `json:"submit"`
	Ask     bool     `json:"ask"` // taking it back is asked for in a dialog of the system's
}

// HandleParams names an account.
type HandleParams struct {
	Handle string `json:"handle"`
}

// HandleResult names an account that was removed: account.restore takes it until the vault forgets it.
type HandleResult struct {
	Handle string `json:"handle"`
}

// LogParams asks for a part of the log, the newest record first.
type LogParams struct {
	Offset int `json:"offset"` // from 0
	Limit  int `json:"limit"`  // 1 to MaxRecords
}

// LogAct is what a record of the log tells of.
type LogAct string

// The acts.
const (
	LogFill     LogAct = "fill"     // a one-time code went into a page
	LogShow     LogAct = "show"     // the popup showed one
	LogCopy     LogAct = "copy"     // the popup put one into the clipboard
	LogRecovery LogAct = "recovery" // one recovery code was given out
	LogPrint    LogAct = "print"    // the command line printed a one-time code
	LogSheet    LogAct = "sheet"    // the command line printed all recovery codes of an account
	LogExport   LogAct = "export"   // secrets were written to a file, or shown as QR codes
	LogBackup   LogAct = "backup"   // the vault was written to a sealed file
	LogClear    LogAct = "clear"    // the log was emptied
)

// LogActs lists the closed set.
var LogActs = []LogAct{LogFill, LogShow, LogCopy, LogRecovery, LogPrint, LogSheet, LogExport, LogBackup, LogClear}

// LogRecord says what became of an account's codes. Times are in milliseconds since 1970.
type LogRecord struct {
	At       int64     `json:"at"`
	Since    int64     `json:"since"` // the first of several times
	Times    int       `json:"times"` // how often the very same was refused; else 1
	Act      LogAct    `json:"act"`
	Account  string    `json:"account"`           // its label then; may be empty
	Accounts int       `json:"accounts"`          // how many, of an export or a backup; else 0
	Host     string    `json:"host"`              // as shown to people; empty where there is none, and for a private window
	By       string    `json:"by"`                // the client of host.hello, or "command line"
	Refused  ErrorCode `json:"refused,omitempty"` // why it was not done; left out for what was
}

// LogResult lists a part of the log; Total counts those beyond the limit too, and
// Missing those that should be there but are gone, or cannot be read.
type LogResult struct {
	Records []LogRecord `json:"records"`
	Total   int         `json:"total"`
	Missing int         `json:"missing"`
}

// CarrierKind says what carries changes between computers.
type CarrierKind string

// The kinds of carrier.
const (
	CarrierFolder CarrierKind = "folder"
	CarrierRelay  CarrierKind = "relay"
)

// CarrierWhy says of what kind the reason is that a carrier is not reached.
type CarrierWhy string

// The kinds of reason.
const (
	WhyStorage     CarrierWhy = "storage"     // this computer cannot keep what comes
	WhyGone        CarrierWhy = "gone"        // the folder is not there
	WhyDenied      CarrierWhy = "denied"      // the folder may not be read or written
	WhyFull        CarrierWhy = "full"        // there is no room in it
	WhyUnreached   CarrierWhy = "unreached"   // nobody answers at the relay's address
	WhyCertificate CarrierWhy = "certificate" // the relay's is not good
	WhyNotRelay    CarrierWhy = "not-relay"   // what answers is not a relay
	WhyVersion     CarrierWhy = "version"     // the relay and this program are not of the same age
)

// CarrierWhys lists the closed set.
var CarrierWhys = []CarrierWhy{WhyStorage, WhyGone, WhyDenied, WhyFull, WhyUnreached, WhyCertificate, WhyNotRelay, WhyVersion}

// SyncTroubleKind says what is wrong with what came from other computers. docs/sync.md
// has the way out of each.
type SyncTroubleKind string

// The kinds of trouble.
const (
	TroubleFork      SyncTroubleKind = "fork"       // two histories of a device; without one, of the list of devices
	TroubleOlder     SyncTroubleKind = "older"      // a carrier lost what it had
	TroubleHole      SyncTroubleKind = "hole"       // something is missing of what others made
	TroubleChanged   SyncTroubleKind = "changed"    // something that none of the devices made, or that is not whole
	TroubleStranger  SyncTroubleKind = "stranger"   // something of a device that is not in the list
	TroubleClock     SyncTroubleKind = "clock"      // made more than 10 minutes ahead of this computer
	TroubleNewer     SyncTroubleKind = "newer"      // made by a newer version
	TroubleTwoSecret SyncTroubleKind = "two-secret" // two secrets of one account
	TroubleRemoved   SyncTroubleKind = "removed"    // another computer removed this one
	TroubleWaiting   SyncTroubleKind = "waiting"    // what the others have has not come yet
	TroubleTooLarge  SyncTroubleKind = "too-large"  // something of the vault does not fit into what is carried
)

// SyncTroubleKinds lists the closed set.
var SyncTroubleKinds = []SyncTroubleKind{
	TroubleFork, TroubleOlder, TroubleHole, TroubleChanged, TroubleStranger, TroubleClock, TroubleNewer, TroubleTwoSecret,
	TroubleRemoved, TroubleWaiting, TroubleTooLarge,
}

// SyncDevice is a computer that has the vault, or had it.
type SyncDevice struct {
	Name    string `json:"name"`
	Self    bool   `json:"self"` // this computer
	Removed bool   `json:"removed"`
	Heard   int64  `json:"heard"`   // when it last said something, in milliseconds since 1970; 0 for never
	Waiting int    `json:"waiting"` // changes of it that wait for one that is missing
}

// SyncCarrier is what brings changes to other computers, and from them.
type SyncCarrier struct {
	Kind    CarrierKind `json:"kind"`
	Where   string      `json:"where"`           // a path or an address
	Reached int64       `json:"reached"`         // the last time, in milliseconds since 1970; 0 for never
	Pending int         `json:"pending"`         // changes that it does not have yet
	Error   string      `json:"error,omitempty"` // why it is not reached, in words
	Why     CarrierWhy  `json:"why,omitempty"`   // of what kind that is, where it is known
}

// SyncTrouble is something for the person to know. None stops the vault of this computer.
type SyncTrouble struct {
	Kind    SyncTroubleKind `json:"kind"`
	Foul    bool            `json:"foul"`              // somebody may have meddled
	Carrier string          `json:"carrier,omitempty"` // that brought it: its path or address
	Device  string          `json:"device,omitempty"`  // whose: its name
	Text    string          `json:"text"`              // what it is and the way out, for an extension that does not know the kind
}

// SyncResult says how it is with the vault on all of a person's computers.
type SyncResult struct {
	On         bool          `json:"on"`
	Devices    []SyncDevice  `json:"devices"`
	Carriers   []SyncCarrier `json:"carriers"`
	Troubles   []SyncTrouble `json:"troubles"`
	Duplicates int           `json:"duplicates"` // accounts that make the same codes as another
}
