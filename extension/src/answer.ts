import type { ErrorCode } from "./protocol.ts";

/** A result, or what stood in its way, with the host's hint; and with its message, in English, where that alone says what is amiss. */
export type Answer<T> =
  | { readonly ok: true; readonly result: T }
  | {
      readonly ok: false;
      readonly problem: ErrorCode | LinkError;
      readonly hint?: string;
      readonly message?: string; // of not_valid alone
      readonly stranger?: Stranger; // of host_unknown, and of host_changed where it proved a key
    };

/** What can stand in the way, beside what the host reports. */
export type LinkError =
  | "host_missing"
  | "host_forbidden"
  | "host_crashed"
  | "host_outdated"
  | "host_unknown" // the user has not said yet whether it is theirs
  | "host_changed"; // not the one that the user trusts

/** A host that has proved its key, and that the user did not agree to. */
export interface Stranger {
  readonly key: string; // public: the uncompressed point on P-256, in base64
  readonly code: string; // what people compare of it
}
