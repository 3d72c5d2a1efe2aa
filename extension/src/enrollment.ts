import { accountRow, button, command, field, fold, lacking, make, text } from "./draw.ts";
import { MAX_TYPED, type Sheet } from "./messages.ts";
import type { Account, Offer, OffersResult, Parts } from "./protocol.ts";
import type { Event } from "./view.ts";
import { say } from "./words.ts";

// What the popup says while an account is added for a page, and while the
// recovery codes that the page gives are saved.

/** What the user may do here. */
export interface Acts {
  happen(event: Event): void;
  /** The main button; one that releases or saves something is dead until the popup is armed. */
  primary(label: string, pressed: () => void, releases?: boolean): HTMLElement;
  /** Makes a button dead until the popup is armed. */
  armed(button: HTMLElement): HTMLElement;
  back(label?: string): HTMLElement;
}

/** How many recovery codes are few. */
const FEW = 3;

/** The ways to give an account; all of them are in sight where one of them failed. */
export function ways(open: boolean, acts: Acts): Node[] {
  const { happen, armed } = acts;
  const key = field(say("add_key"), "key", "");
  const [label, input] = key;
  const give = () => {
    const typed = input.value.trim();
    input.value = ""; // it stays nowhere
    if (typed) happen({ type: "text", text: typed });
  };
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.isTrusted && !event.repeat) give();
  });
  return [
    make(
      "div",
      "buttons",
      acts.primary(say("add_page"), () => happen({ type: "read", from: "page" })),
    ),
    fold(
      say("add_other"),
      open,
      make(
        "div",
        "buttons",
        armed(button(say("add_mark"), () => happen({ type: "read", from: "part" }))),
        armed(button(say("add_file"), () => happen({ type: "read", from: "file" }))),
      ),
      make("div", "typed", label, button(say("add_read"), give)),
      make("p", "", say("add_paste")),
    ),
  ];
}

/** The screen where an account is added. */
export function add(host: string, reading: boolean, problem: Node[], acts: Acts): Node[] {
  if (reading) return [make("p", "lead", say("add_reading"))];
  const heading = problem.length > 0 ? problem : text(say("add_title", host));
  return [...heading, ...ways(problem.length > 0, acts), make("div", "buttons", acts.back())];
}

/** Several accounts were read. */
export function offers({ offers: list, others, parts }: OffersResult, acts: Acts): Node[] {
  const rows = list.map((offer, index) => {
    const row = button("", () => acts.happen({ type: "pick", index }), "row");
    row.replaceChildren(accountRow(named(offer)));
    return make("li", "", row);
  });
  return [
    make("h2", "", say("offers_title")),
    make("ul", "offers", ...rows),
    ...(others > 0 ? [make("p", "", say("offers_others", String(others)))] : []),
    ...lacking(parts),
    make("div", "buttons", acts.back()),
  ];
}

/** What an offer would be as an account. */
function named({ issuer, account, have }: Offer): Pick<Account, "issuer" | "account" | "site"> {
  return have ?? { issuer, account };
}

/** One account that was read, to be saved, or used where the vault has it. */
export function offer(
  { offer: of, parts, saving }: { readonly offer: Offer; readonly parts?: Parts; readonly saving: boolean },
  host: string,
  problem: Node[],
  acts: Acts,
): Node[] {
  const where = [...lacking(parts), make("p", "lead", say("offer_host")), make("p", "host", host)];
  if (of.have) {
    return [
      make("h2", "", say("problem_account_exists_title")),
      make("div", "card", accountRow(of.have)),
      ...where,
      make(
        "div",
        "buttons",
        acts.primary(say("have_use"), () => acts.happen({ type: "use" })),
        acts.back(say("cancel")),
      ),
    ];
  }
  const [issuerLabel, issuer] = field(say("offer_issuer"), "issuer", of.issuer);
  const [accountLabel, account] = field(say("offer_account"), "account", of.account);
  for (const input of [issuer, account]) input.maxLength = MAX_TYPED;
  const save = () => acts.happen({ type: "save", issuer: issuer.value.trim(), account: account.value.trim() });
  const unusual = facts(of);
  return [
    ...(problem.length > 0 ? problem : [make("h2", "", say("offer_title"))]),
    issuerLabel,
    accountLabel,
    ...(unusual ? [make("p", "", unusual)] : []),
    ...where,
    saving
      ? make("p", "lead", say("offer_saving"))
      : make("div", "buttons", acts.primary(say("offer_save"), save), acts.back(say("cancel"))),
  ];
}

/** How its codes differ from the common kind: six digits, every 30 s, SHA-1. */
export function facts({ type, algorithm, digits, period }: Offer): string {
  const differs = [
    type !== "totp" && type !== "hotp" && type.toUpperCase(),
    digits !== 6 && say("offer_digits", String(digits)),
    type === "hotp" ? say("offer_counter") : period !== 30 && say("offer_period", String(period)),
    type === "totp" && !/^sha-?1$/i.test(algorithm) && algorithm,
  ];
  return differs.filter(Boolean).join(" · ");
}

/** The account is in the vault; the page may want a code of it. */
export function saved(account: Account, host: string, fills: boolean, acts: Acts): Node[] {
  return [
    make("h2", "", `✓ ${say("added_title")}`),
    make("div", "card", accountRow(account)),
    ...(fills
      ? [make("p", "lead", say("added_fill")), make("p", "host", host)]
      : [make("p", "", say("added_text", host))]),
    make(
      "div",
      "buttons",
      fills && acts.primary(say("fill_button"), () => acts.happen({ type: "confirm" })),
      acts.back(),
    ),
    sheetLink(account, acts),
  ];
}

/** The page took the code that confirms an account. */
export function took(account: Account, host: string, acts: Acts): Node[] {
  return [
    ...text(say("took_title", host), say("took_text")),
    make("div", "card", accountRow(account)),
    make(
      "div",
      "buttons",
      acts.primary(say("took_save"), () => acts.happen({ type: "collect", account })),
      button(say("took_later"), () => acts.happen({ type: "later" })),
    ),
  ];
}

export function sheetLink(account: Account, acts: Acts): HTMLElement {
  return acts.armed(button(say("sheet_link"), () => acts.happen({ type: "collect", account }), "link"));
}

/** The recovery codes that the page shows, never in full. */
export function sheet(account: Account, found: Sheet | undefined, saving: boolean, acts: Acts): Node[] {
  if (!found) return [make("p", "lead", say("loading"))];
  const again = button(say("try_again"), () => acts.happen({ type: "collect", account }), "primary");
  if (found.count === 0) {
    const buttons = make("div", "buttons", acts.armed(again), acts.back());
    return [...text(say("sheet_none_title"), say("sheet_none_text")), buttons];
  }
  const count = String(found.count);
  again.className = "";
  return [
    make("h2", "", say("sheet_title", count)),
    make("p", "range", say("sheet_range", found.first, found.last)),
    make("div", "card", accountRow(account)),
    saving
      ? make("p", "lead", say("offer_saving"))
      : make(
          "div",
          "buttons",
          acts.primary(say("sheet_save", count), () => acts.happen({ type: "keep" })),
          acts.back(say("cancel")),
        ),
    make("p", "after", say("sheet_check")),
    make("div", "buttons", acts.armed(again)),
  ];
}

/** The recovery codes are in the vault. */
export function kept(account: Account, added: number, already: number, acts: Acts): Node[] {
  const name = `${account.issuer} ${account.account}`.trim();
  // The name is the page's word: a command has it only where no shell reads more into it.
  const query = /^[\p{L}\p{N}][\p{L}\p{N} ._@+-]*$/u.test(name) ? ` --account "${name}"` : "";
  return [
    make("h2", "", `✓ ${say("kept_title", String(added))}`),
    ...(already > 0 ? [make("p", "", say("kept_already", String(already)))] : []),
    make("div", "card", accountRow(account)),
    make("p", "", say("kept_paper")),
    command(`codefob export --format paper --plain${query} -o sheet.html`),
    make("div", "buttons", acts.back()),
  ];
}

/** Whether an account will soon have no recovery codes. */
export function few({ recovery }: Account): boolean {
  return recovery > 0 && recovery <= FEW;
}
