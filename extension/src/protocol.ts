// Code generated from internal/protocol by make generate. DO NOT EDIT.

/** Version is raised when a change would break an older extension. */
export const VERSION = 1;

/** HostName is the name under which browsers know the host. */
export const HOST_NAME = "codefob";

/** What the host accepts, in bytes. */
export const MAX_REQUEST = 65536;

/** The same of qr.read alone. */
export const MAX_PICTURE = 8388608;

/** What browsers accept from a host, in bytes. */
export const MAX_REPLY = 1048576;

/** MaxAccounts is the most accounts one reply lists. */
export const MAX_ACCOUNTS = 50;

/** MaxRecords is the most records of the log that one reply lists. */
export const MAX_RECORDS = 100;

/** MaxText is the most bytes of what uri.read reads. */
export const MAX_TEXT = 32768;

/** MaxRecovery is the most recovery codes of one recovery.save. */
export const MAX_RECOVERY = 100;

/** Of one site. */
export const MAX_MARKS = 64;

/** Sites with marks. */
export const MAX_TAUGHT = 1000;

/** Bytes of a field's name. */
export const MAX_FIELD = 200;

/** Services with a reminder; as many one reply lists. */
export const MAX_SERVICES = 500;

/** MaxLength is the most characters that RecoveryParams says of a field. */
export const MAX_LENGTH = 10000;

/** Method is a request's name. */
export type Method =
  | "host.hello"
  | "vault.unlock"
  | "vault.lock"
  | "accounts.match"
  | "accounts.search"
  | "site.allow"
  | "code.release"
  | "site.marks"
  | "site.mark"
  | "service.facts"
  | "service.remind"
  | "services.list"
  | "recovery.next"
  | "recovery.save"
  | "qr.read"
  | "uri.read"
  | "account.enroll"
  | "accounts.list"
  | "account.edit"
  | "account.remove"
  | "account.restore"
  | "log.list"
  | "sync.status";

/** Request is one message from the extension. */
export interface Request {
  readonly id: number;
  readonly method: Method;
  readonly params?: unknown;
}

/** Reply is one message from the host: a result or an error, never both. */
export interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: Error;
}

/** Error says what went wrong, in words for the person, and in Hint what to do next. */
export interface Error {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

/** ErrorCode is what the extension branches on. */
export type ErrorCode =
  | "bad_request"
  | "unknown_method"
  | "too_large"
  | "vault_missing"
  | "vault_locked"
  | "vault_damaged"
  | "vault_newer"
  | "vault_storage"
  | "unlock_failed"
  | "unknown_handle"
  | "origin_refused"
  | "frame_refused"
  | "not_allowed"
  | "budget_used"
  | "recovery_empty"
  | "recovery_too_long"
  | "limit_reached"
  | "picture_refused"
  | "busy"
  | "no_qr"
  | "not_otp"
  | "unknown_ticket"
  | "account_exists"
  | "not_valid"
  | "declined"
  | "internal";

/** Context says where a code would go. */
export interface Context {
  readonly origin: string;
  readonly ancestors?: readonly string[];
  readonly tab: number;
  readonly frame: number;
  readonly document: string;
  readonly private?: boolean;
}

/** VaultState is what a host knows of the vault. */
export type VaultState = "none" | "locked" | "open";

/** HelloParams names the caller. */
export interface HelloParams {
  readonly client: string;
  readonly version: string;
  readonly challenge?: string;
}

/** HelloResult describes the host, and proves that it is the one that the user trusts. */
export interface HelloResult {
  readonly version: string;
  readonly protocol: number;
  readonly platform: string;
  readonly vault: VaultState;
  readonly accounts: number;
  readonly key?: string;
  readonly signature?: string;
}

/** VaultResult tells the state after a lock or unlock. */
export interface VaultResult {
  readonly vault: VaultState;
}

/** Strength says how well an account belongs to a host; see package site. */
export type Strength = "bound" | "known" | "related" | "suggested" | "none";

/** AccountType is the kind of one-time code. */
export type AccountType = "totp" | "hotp" | "steam" | "motp" | "yandex";

/** Account is what the extension may know of an account. */
export interface Account {
  readonly handle: string;
  readonly issuer: string;
  readonly account: string;
  readonly strength: Strength;
  readonly type: AccountType;
  readonly digits: number;
  readonly period: number;
  readonly site?: string;
  readonly append: boolean;
  readonly submit: boolean;
  readonly ask: boolean;
  readonly recovery: number;
}

/** MatchParams asks which accounts may serve a document. */
export interface MatchParams {
  readonly context: Context;
}

/** MatchResult lists them, the strongest first, then the last used. */
export interface MatchResult {
  readonly host: string;
  readonly accounts: readonly Account[];
}

/** SearchParams looks for accounts by what the user typed in the popup. */
export interface SearchParams {
  readonly query: string;
  readonly limit: number;
  readonly context?: Context;
}

/** SearchResult lists accounts by issuer and name; Total counts those beyond the limit too. */
export interface SearchResult {
  readonly accounts: readonly Account[];
  readonly total: number;
}

/** AllowParams records that the user agreed to let an account serve a host. */
export interface AllowParams {
  readonly handle: string;
  readonly context: Context;
}

/** AllowResult names the host that the account serves now. */
export interface AllowResult {
  readonly host: string;
}

/** Purpose says what becomes of a code. */
export type Purpose = "fill" | "show" | "copy";

/** ReleaseParams asks for one code, after the user confirmed. */
export interface ReleaseParams {
  readonly handle: string;
  readonly context?: Context;
  readonly nonce: string;
  readonly purpose: Purpose;
}

/** ReleaseResult is a code and when it is good, in milliseconds since 1970. */
export interface ReleaseResult {
  readonly code: string;
  readonly validFrom: number;
  readonly expiresAt: number;
  readonly asked: boolean;
}

/** MarksParams asks what the user taught of a document's site. */
export interface MarksParams {
  readonly context: Context;
}

/** MarkAs is what the user says of a field. */
export type MarkAs = "totp" | "never" | "forget";

/** Mark is what the user taught of one field. */
export interface Mark {
  readonly field: string;
  readonly as: MarkAs;
}

/** MarkParams teaches one field of the context's site, its origin. */
export interface MarkParams {
  readonly context: Context;
  readonly field: string;
  readonly as: MarkAs;
}

/** MarksResult lists the marks of the site, at most MaxMarks, by field. */
export interface MarksResult {
  readonly marks: readonly Mark[];
}

/** TwoFactor is a way in which a service asks for a second factor. */
export type TwoFactor = "sms" | "call" | "email" | "totp" | "app" | "key";

/** Service is what the directory says of a service. */
export interface Service {
  readonly name: string;
  readonly methods: readonly TwoFactor[];
  readonly setup?: string;
  readonly recovery?: string;
  readonly note?: string;
}

/** Reminder is how far the user is on the way from text messages to an authenticator. */
export type Reminder = "none" | "seen" | "wanted" | "done" | "dismissed";

/** FactsParams asks about the service of a document's host. */
export interface FactsParams {
  readonly context: Context;
}

/** FactsResult tells what is known, also of a service that the directory does not have. */
export interface FactsResult {
  readonly name: string;
  readonly service?: Service;
  readonly accounts: number;
  readonly reminder: Reminder;
}

/** RemindParams keeps the user's wish for the service of a document's host. */
export interface RemindParams {
  readonly context: Context;
  readonly reminder: Reminder;
}

/** RemindResult lists the hosts, without port, at which a reminder is wanted. */
export interface RemindResult {
  readonly hosts: readonly string[];
}

/** Stage says how far a service is from text messages. */
export type Stage = "sms" | "app_possible" | "done";

/** ServiceState is one service of the user's. */
export interface ServiceState {
  readonly name: string;
  readonly host: string;
  readonly state: Stage;
  readonly setup?: string;
  readonly reminder: Reminder;
  readonly accounts: number;
}

/** ServicesResult lists the user's services by stage and name, the hosts as in [RemindResult], and the origins, at most MaxTaught and sorted, where a field is marked as MarkTOTP. */
export interface ServicesResult {
  readonly services: readonly ServiceState[];
  readonly hosts: readonly string[];
  readonly taught: readonly string[];
}

/** RecoveryParams asks for one recovery code of an account that is bound to the context, after the user confirmed. */
export interface RecoveryParams {
  readonly handle: string;
  readonly context: Context;
  readonly nonce: string;
  readonly max?: number;
}

/** RecoveryResult is a code that counts as used from now on. */
export interface RecoveryResult {
  readonly code: string;
  readonly left: number;
  readonly asked: boolean;
}

/** SaveParams keeps recovery codes that the site gave. */
export interface SaveParams {
  readonly handle: string;
  readonly codes: readonly string[];
}

/** SaveResult counts them. */
export interface SaveResult {
  readonly added: number;
  readonly already: number;
  readonly left: number;
}

/** QRParams is a picture with QR codes in it. */
export interface QRParams {
  readonly picture: string;
}

/** URIParams is what the user pasted or clicked: an otpauth URI, a text of Google Authenticator's export, or a bare setup key. */
export interface URIParams {
  readonly text: string;
}

/** Offer is an account that could be enrolled. */
export interface Offer {
  readonly ticket: string;
  readonly issuer: string;
  readonly account: string;
  readonly type: AccountType;
  readonly algorithm: string;
  readonly digits: number;
  readonly period: number;
  readonly have?: Account;
}

/** OffersResult lists what was read, at most MaxAccounts. */
export interface OffersResult {
  readonly offers: readonly Offer[];
  readonly others: number;
  readonly parts?: Parts;
}

/** Parts says how much was read of an export of Google Authenticator, which comes in several QR codes. */
export interface Parts {
  readonly read: readonly number[];
  readonly size: number;
}

/** EnrollParams adds the account of a ticket, with the names as the user left them. */
export interface EnrollParams {
  readonly ticket: string;
  readonly issuer: string;
  readonly account: string;
  readonly context?: Context;
}

/** EnrollResult is the account now in the vault. */
export interface EnrollResult {
  readonly account: Account;
}

/** ListParams asks for a part of all accounts, in the order of their labels. */
export interface ListParams {
  readonly query: string;
  readonly offset: number;
  readonly limit: number;
}

/** Detail is an account with all that can be changed of it. */
export interface Detail {
  readonly account: Account;
  readonly algorithm: string;
  readonly sites: readonly string[];
}

/** ListResult lists accounts; Total counts those beyond the limit too. */
export interface ListResult {
  readonly accounts: readonly Detail[];
  readonly total: number;
}

/** EditParams changes an account: all of it as it should be. */
export interface EditParams {
  readonly handle: string;
  readonly issuer: string;
  readonly account: string;
  readonly sites: readonly string[];
  readonly append: boolean;
  readonly submit: boolean;
  readonly ask: boolean;
}

/** HandleParams names an account. */
export interface HandleParams {
  readonly handle: string;
}

/** HandleResult names an account that was removed: account.restore takes it until the vault forgets it. */
export interface HandleResult {
  readonly handle: string;
}

/** LogParams asks for a part of the log, the newest record first. */
export interface LogParams {
  readonly offset: number;
  readonly limit: number;
}

/** LogAct is what a record of the log tells of. */
export type LogAct = "fill" | "show" | "copy" | "recovery" | "print" | "sheet" | "export" | "backup" | "clear";

/** LogRecord says what became of an account's codes. */
export interface LogRecord {
  readonly at: number;
  readonly since: number;
  readonly times: number;
  readonly act: LogAct;
  readonly account: string;
  readonly accounts: number;
  readonly host: string;
  readonly by: string;
  readonly refused?: ErrorCode;
}

/** LogResult lists a part of the log; Total counts those beyond the limit too, and Missing those that should be there but are gone, or cannot be read. */
export interface LogResult {
  readonly records: readonly LogRecord[];
  readonly total: number;
  readonly missing: number;
}

/** CarrierKind says what carries changes between computers. */
export type CarrierKind = "folder" | "relay";

/** CarrierWhy says of what kind the reason is that a carrier is not reached. */
export type CarrierWhy = "storage" | "gone" | "denied" | "full" | "unreached" | "certificate" | "not-relay" | "version";

/** SyncTroubleKind says what is wrong with what came from other computers. */
export type SyncTroubleKind =
  | "fork"
  | "older"
  | "hole"
  | "changed"
  | "stranger"
  | "clock"
  | "newer"
  | "two-secret"
  | "removed"
  | "waiting"
  | "too-large";

/** SyncDevice is a computer that has the vault, or had it. */
export interface SyncDevice {
  readonly name: string;
  readonly self: boolean;
  readonly removed: boolean;
  readonly heard: number;
  readonly waiting: number;
}

/** SyncCarrier is what brings changes to other computers, and from them. */
export interface SyncCarrier {
  readonly kind: CarrierKind;
  readonly where: string;
  readonly reached: number;
  readonly pending: number;
  readonly error?: string;
  readonly why?: CarrierWhy;
}

/** SyncTrouble is something for the person to know. */
export interface SyncTrouble {
  readonly kind: SyncTroubleKind;
  readonly foul: boolean;
  readonly carrier?: string;
  readonly device?: string;
  readonly text: string;
}

/** SyncResult says how it is with the vault on all of a person's computers. */
export interface SyncResult {
  readonly on: boolean;
  readonly devices: readonly SyncDevice[];
  readonly carriers: readonly SyncCarrier[];
  readonly troubles: readonly SyncTrouble[];
  readonly duplicates: number;
}
