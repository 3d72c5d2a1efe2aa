import { accountRow, button, code, fullTitle, make, text } from "./draw.ts";
import { few, sheetLink } from "./enrollment.ts";
import type { Acts as Common } from "./problems.ts";
import type { Account } from "./protocol.ts";
import { filling, type Model } from "./view.ts";
import { say } from "./words.ts";

// What the popup says of one account: its code on show, what the user agrees to
// before it goes to a site for the first time, and the waiting for it.

/** How long a counter-based code stays on show, in ms. */
const SHOW_FOR = 30_000;

/** What the user may do here. */
export interface Acts extends Common {
  /** Does it now, and again and again while the screen is shown. */
  ticking(step: () => void): void;
}

export function account(of: Account, model: Model, acts: Acts): Node[] {
  const { happen, armed, primary } = acts;
  const { shown, state } = model;
  const nodes: Node[] = [make("div", "card", accountRow(of))];
  if (shown) nodes.push(countdown(shown.code, shown.expiresAt, of.period, acts));
  const ask = (purpose: "show" | "copy") => () => happen({ type: "ask", purpose });
  const copy = shown?.copied ? `✓ ${say("copied")}` : say("copy");
  const buttons = make("div", "buttons");
  if (!shown) buttons.append(armed(primary(say("show"), ask("show"), false)));
  buttons.append(armed(shown ? primary(copy, ask("copy"), false) : button(copy, ask("copy"))));
  if (filling(model, of) && state?.is === "page")
    buttons.append(armed(button(say("fill_here", state.host), () => happen({ type: "confirm" }))));
  buttons.append(acts.back());
  if (model.asked && of.ask && !shown) nodes.push(make("p", "note plain", say("answer_dialog")));
  if (few(of)) nodes.push(make("p", "note", `${say("recovery_left", String(of.recovery))}. ${say("recovery_low")}`));
  return [...nodes, buttons, ...(state?.is === "page" ? [sheetLink(of, acts)] : [])];
}

function countdown(value: string, expiresAt: number, period: number, { happen, ticking }: Acts): Node {
  const drawn = code(value);
  const end = expiresAt || Date.now() + SHOW_FOR;
  const span = expiresAt ? period * 1000 : SHOW_FOR;
  ticking(() => {
    const left = end - Date.now();
    if (left <= 0) return happen({ type: "expired" });
    drawn.left(left / span, Math.ceil(left / 1000));
  });
  return drawn.element;
}

/** Before an account serves a host for the first time. */
export function agree(of: Account, model: Model, { happen, primary, armed, back }: Acts): Node[] {
  const host = model.state?.is === "page" ? model.state.host : "";
  const site = of.site ?? "";
  const words = {
    bound: "",
    known: say("agree_known", of.issuer || fullTitle(of)),
    related: site ? say("agree_related", site) : say("agree_related_bare"),
    suggested: say("agree_suggested"),
    none: site ? say("agree_none", site, host) : say("agree_none_bare", host),
  }[of.strength];
  const foreign = of.strength === "none";
  const confirm = () => happen({ type: "confirm" });
  const recovery = left(of, model);
  // Where it may be a trap, what the focus is on is the way back.
  const buttons = foreign
    ? [
        primary(say("cancel"), () => happen({ type: "back" }), false),
        armed(button(say("agree_anyway", host), confirm, "warn")),
      ]
    : [primary(say("agree_button"), confirm), back(say("cancel"))];
  return [
    ...text(say("agree_title", fullTitle(of), host)),
    make("p", foreign ? "note" : "", words),
    ...(recovery ? [make("p", "", recovery)] : []),
    make("div", "buttons", ...buttons),
  ];
}

/** How many recovery codes of an account are left, where one is asked for. */
export function left({ recovery }: Account, model: Model): string {
  return filling(model) === "recovery" ? say("recovery_left", String(recovery)) : "";
}

/** A code is on its way; until: when the one for the next period may go, in ms since 1970. */
export function waiting(of: Account, until: number | undefined, { ticking }: Acts): Node[] {
  const card = make("div", "card", accountRow(of));
  if (until === undefined) return [make("h2", "", say(of.ask ? "answer_dialog" : "filling")), card];
  const heading = make("h2", "");
  heading.ariaLive = "off";
  ticking(() => {
    heading.textContent = say("waiting", String(Math.max(0, Math.ceil((until - Date.now()) / 1000))));
  });
  return [heading, make("p", "", say("waiting_why")), card];
}
