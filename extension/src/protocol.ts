// Code generated from internal/protocol by make generate. DO NOT EDIT.

/** Version is raised when a change would break an older extension. */
export const VERSION = 1;

/** HostName is the name under which browsers know the host. */
export const HOST_NAME = "codefob";

/** What the host accepts, in bytes. */
export const MAX_REQUEST = 65536;

/** What browsers accept from a host, in bytes. */
export const MAX_REPLY = 1048576;

/** MaxAccounts is the most accounts one reply lists. */
export const MAX_ACCOUNTS = 50;

/** Method is a request's name. */
export type Method =
  | "host.hello"
  | "vault.unlock"
  | "vault.lock"
  | "accounts.match"
  | "accounts.search"
  | "site.allow"
  | "code.release";

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
}

/** HelloResult describes the host. */
export interface HelloResult {
  readonly version: string;
  readonly protocol: number;
  readonly platform: string;
  readonly vault: VaultState;
  readonly accounts: number;
}

/** VaultResult tells the state after a lock or unlock. */
export interface VaultResult {
  readonly vault: VaultState;
}

/** Strength says how well an account belongs to a host; see package site. */
export type Strength = "bound" | "known" | "related" | "suggested" | "none";

/** AccountType is the kind of one-time code. */
export type AccountType = "totp" | "hotp" | "steam";

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
}
