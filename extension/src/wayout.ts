import type { Problem } from "./messages.ts";

/** The way out of a problem: a command to run, or what the popup can do itself. */
export interface Way {
  readonly command?: string;
  readonly act?: "unlock" | "copy" | "add" | "back";
}

/** The way out of each problem. */
export function wayOut(problem: Problem): Way {
  switch (problem) {
    case "host_missing":
    case "host_forbidden":
      return { command: "codefob install" };
    case "host_crashed":
    case "host_changed":
    case "vault_damaged":
    case "vault_storage":
    case "internal":
      return { command: "codefob doctor" };
    case "vault_missing":
      return { command: "codefob init" };
    case "vault_locked":
    case "unlock_failed":
      return { act: "unlock" };
    case "changed":
    case "hidden":
    case "covered":
    case "insecure":
    case "typed":
    case "length":
    case "rejected":
      return { act: "copy" };
    case "no_picture":
    case "picture_refused":
    case "busy":
    case "no_qr":
    case "not_otp":
    case "unknown_ticket":
      return { act: "add" };
    case "unknown_handle":
    case "not_allowed":
    case "page_gone":
    case "page_unknown":
    case "other_origin":
    case "origin_refused":
    case "frame_refused":
    case "budget_used":
    case "recovery_empty":
    case "recovery_too_long":
    case "limit_reached":
    case "account_exists":
    case "not_valid":
    case "declined":
    case "bad_request":
    case "unknown_method":
    case "too_large":
    case "vault_newer":
    case "host_outdated":
    case "host_unknown":
      return { act: "back" };
    default:
      return problem satisfies never;
  }
}
