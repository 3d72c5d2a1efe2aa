import { type Kind, takesCode } from "./kind.ts";
import type { Account } from "./protocol.ts";

/** What goes into a field: a one-time code, a recovery code, or a one-time code behind the typed password. */
export type Filling = "code" | "recovery" | "append";

/** What would go into a field, if anything of ours. */
export function fillingOf({ kind, append }: { kind: Kind; append?: boolean }): Filling | undefined {
  if (takesCode(kind)) return "code";
  if (kind === "recovery-code") return "recovery";
  return append ? "append" : undefined;
}

/** Whether an account has that. */
export function has(account: Account, filling: Filling): boolean {
  return filling === "code" || (filling === "recovery" ? account.recovery > 0 : account.append);
}

/** Whether a field is for a code that was sent to the user. */
export function elsewhere(kind: Kind): kind is "otp-sms" | "otp-email" {
  return kind === "otp-sms" || kind === "otp-email";
}
