import { bullets, button, command, fold, make, text } from "./draw.ts";
import type { State, Wish } from "./messages.ts";
import type { TwoFactor } from "./protocol.ts";
import { say } from "./words.ts";

// What the popup says where a site sends its code by text message or e-mail, and
// later, when the user wants to be reminded of doing without.

type Page = Extract<State, { is: "page" }>;

/** What the user may do here. */
export interface Acts {
  open(url: string): void;
  remind(reminder: Wish): void;
  /** Makes a button dead until the popup is armed. */
  armed(button: HTMLElement): HTMLElement;
}

/** Helps with a code that was sent: where it is, what to do when it does not come, and how to need none. */
export function rescue(page: Page, acts: Acts): Node[] {
  const { host, kind, mask, facts } = page;
  const way = kind === "otp-sms" ? "sms" : "email";
  const lead = mask ? say(`${way}_lead`, host, mask) : say(`${way}_lead_bare`, host);
  const note = facts?.service?.note;
  return [
    ...text(say(`${way}_title`), lead),
    ...(note ? [make("p", "note plain", note)] : []),
    fold(say("rescue_late"), true, ...late(page, acts)),
    fold(say("rescue_app"), false, ...toApp(page, acts)),
  ];
}

function late({ kind, facts, accounts }: Page, acts: Acts): Node[] {
  const methods = facts?.service?.methods ?? [];
  const may = (method: TwoFactor) => methods.length === 0 || methods.includes(method);
  const kept = Math.max(0, ...accounts.map(({ recovery }) => recovery));
  const steps =
    kind === "otp-sms"
      ? [
          say("rescue_wait"),
          say("rescue_number"),
          say("rescue_blocked_ios"),
          say("rescue_blocked_android"),
          say("rescue_carrier"),
          say("rescue_wifi"),
          may("call") && say("rescue_call"),
          may("email") && say("rescue_email"),
        ]
      : [say("rescue_wait"), say("rescue_spam"), say("rescue_sender")];
  steps.push(kept > 0 ? say("rescue_recovery_kept", String(kept)) : say("rescue_recovery"));
  const lost = facts?.service?.recovery;
  return [
    bullets(...steps.filter((step) => step !== false)),
    ...(lost ? [make("div", "buttons", acts.armed(button(say("rescue_lost"), () => acts.open(lost))))] : []),
  ];
}

function toApp({ host, facts }: Page, acts: Acts): Node[] {
  if (!facts) return [make("p", "", say("rescue_app_unknown", host))];
  const { service, name, reminder, accounts } = facts;
  if (accounts > 0) return [make("p", "", say("rescue_app_have", name))];
  const { methods = [], setup } = service ?? {};
  if (methods.length === 0) return [make("p", "", say("rescue_app_unknown", name))];
  if (!methods.includes("totp")) return [make("p", "", say("rescue_app_no", name))];
  const buttons = make("div", "buttons");
  if (setup) buttons.append(acts.armed(button(say("rescue_setup"), () => acts.open(setup))));
  if (reminder !== "wanted") buttons.append(acts.armed(button(say("rescue_remind"), () => acts.remind("wanted"))));
  return [
    make("p", "", say("rescue_app_yes", name)),
    ...(reminder === "wanted" ? [make("p", "note plain", say("rescue_reminding", name))] : []),
    buttons,
  ];
}

/** What the user wanted to be told once they are signed in. */
export function reminder({ host, kind, facts }: Page, acts: Acts): Node[] {
  if (kind !== "none" || facts?.reminder !== "wanted" || facts.accounts > 0) return [];
  const { service, name } = facts;
  const setup = service?.setup;
  const open = setup && acts.armed(button(say("rescue_setup"), () => acts.open(setup), "primary"));
  return [
    make(
      "section",
      "card",
      ...text(say("reminder_title", name), say("reminder_text")),
      command(`codefob add --site ${host}`),
      make(
        "div",
        "buttons",
        open,
        acts.armed(button(say("reminder_done"), () => acts.remind("done"))),
        acts.armed(button(say("reminder_never"), () => acts.remind("dismissed"))),
      ),
    ),
  ];
}
