import type { Event, Flag, Gone, Model, Open, Trouble } from "./accounts.ts";
import { button, command, fullTitle, make, title } from "./draw.ts";
import type { Account, AccountType, Detail } from "./protocol.ts";
import { say, type Word } from "./words.ts";

// Draws the accounts of the options page. What can take the focus has a key, by
// which it is found again when it was drawn anew.

type Happen = (event: Event) => void;

/** At so few recovery codes, and fewer, the user is warned. */
const FEW = 3;

const TYPES: Record<AccountType, string> = {
  totp: "TOTP",
  hotp: "HOTP",
  steam: "Steam Guard",
  motp: "Mobile-OTP",
  yandex: "Yandex Key",
};

/** Names what can take the focus. */
export function keyed<E extends HTMLElement>(key: string, element: E): E {
  element.dataset["key"] = key;
  return element;
}

/** Shows elements in a list, and moves only those that are not in their place. */
export function arrange(list: Element, elements: readonly Element[]): void {
  const wanted = new Set(elements);
  for (const each of [...list.children]) if (!wanted.has(each)) each.remove();
  for (const [i, each] of elements.entries())
    if (list.children[i] !== each) list.insertBefore(each, list.children[i] ?? null);
}

/** Draws accounts, and keeps the elements of those that are as they were. */
export function makeRows(happen: Happen): (model: Model) => HTMLElement[] {
  let kept = new Map<string, { detail: Detail; open: Open | undefined; element: HTMLElement }>();
  return (model) => {
    const next: typeof kept = new Map();
    for (const detail of model.accounts ?? []) {
      const { handle } = detail.account;
      const open = model.open?.handle === handle ? model.open : undefined;
      const before = kept.get(handle);
      const same = before && before.detail === detail && before.open === open;
      next.set(handle, same ? before : { detail, open, element: row(detail, open, happen) });
    }
    kept = next;
    return [...kept.values()].map(({ element }) => element);
  };
}

function row(detail: Detail, open: Open | undefined, happen: Happen): HTMLElement {
  const { account, sites } = detail;
  const { handle, recovery } = account;
  const sub = [account.issuer ? account.account : "", sites.map(shown).join(", ")].filter(Boolean).join(" · ");
  const letter = make("span", "mark", [...title(account)][0]?.toUpperCase() ?? "");
  letter.ariaHidden = "true";
  const head = keyed(
    `row ${handle}`,
    button("", () => happen({ type: "toggle", handle }), "account"),
  );
  head.append(
    letter,
    make("span", "names", make("span", "issuer", title(account)), make("span", "name", sub)),
    ...(recovery > 0 && recovery <= FEW ? [make("span", "tag", say("recovery_left", String(recovery)))] : []),
  );
  head.ariaExpanded = String(open !== undefined);
  const item = make("li", open ? "row open" : "row", head, open && editor(detail, open, happen));
  item.dataset["account"] = fullTitle(account);
  return item;
}

function editor(detail: Detail, open: Open, happen: Happen): HTMLElement {
  return make(
    "div",
    "editor",
    make("div", "part", names(open, happen), sites(detail, open, happen)),
    make("div", "part", flags(detail, open, happen), facts(detail)),
    make("div", "end", ...removal(open, happen)),
  );
}

function names(open: Open, happen: Happen): HTMLElement {
  const draft = (field: "issuer" | "account") => (value: string) => happen({ type: "draft", field, value });
  const form = formOf(
    () => happen({ type: "rename" }),
    field(say("offer_issuer"), `issuer ${open.handle}`, open.issuer, draft("issuer")),
    field(say("offer_account"), `account ${open.handle}`, open.account, draft("account")),
    make(
      "div",
      "line",
      keyed(
        `names ${open.handle}`,
        button(say("options_rename"), () => happen({ type: "rename" })),
      ),
      status(open, "names"),
    ),
    ...problem(open, "names"),
  );
  return form;
}

function sites({ sites }: Detail, open: Open, happen: Happen): HTMLElement {
  const input = field(say("options_site"), `site ${open.handle}`, open.site, (value) =>
    happen({ type: "draft", field: "site", value }),
  );
  const entry = input.querySelector("input");
  const wrong = problem(open, "site");
  if (entry) {
    entry.placeholder = "example.com";
    entry.inputMode = "url";
    entry.autocapitalize = "off";
    if (open.trouble?.change === "site") entry.setAttribute("aria-invalid", "true");
    if (wrong[0]) {
      wrong[0].id = "wrong-site";
      entry.setAttribute("aria-describedby", "wrong-site");
    }
  }
  const items = sites.map((site) => {
    const drop = keyed(
      `drop ${site}`,
      button("×", () => happen({ type: "drop site", site }), "small"),
    );
    drop.ariaLabel = say("options_site_remove", shown(site));
    return make("li", "", make("span", "", shown(site)), drop);
  });
  return make(
    "section",
    "",
    make("h3", "", say("options_sites")),
    items.length > 0 ? make("ul", "sites", ...items) : make("p", "lead", say("options_sites_none")),
    formOf(
      () => happen({ type: "add site" }),
      make(
        "div",
        "line",
        input,
        button(say("options_site_add"), () => happen({ type: "add site" })),
      ),
      status(open, "site"),
      ...wrong,
    ),
  );
}

const FLAGS: readonly (readonly [Flag, Word, Word])[] = [
  ["submit", "options_submit", "options_submit_text"],
  ["append", "options_append", "options_append_text"],
  ["ask", "options_ask", "options_ask_text"],
];

function flags({ account }: Detail, open: Open, happen: Happen): HTMLElement {
  const lines = FLAGS.flatMap(([flag, name, text]) => {
    const pending = open.busy?.change === flag;
    const input = keyed(`${flag} ${open.handle}`, document.createElement("input"));
    input.type = "checkbox";
    input.role = "switch";
    input.checked = account[flag] !== pending;
    // What is shown is what the vault has, or is about to have.
    input.addEventListener("click", (event) => {
      event.preventDefault();
      if (event.isTrusted) happen({ type: "set", flag, on: !account[flag] });
    });
    return [
      make("label", "switch", input, make("span", "", make("b", "", say(name)), make("small", "", say(text)))),
      status(open, flag),
      ...problem(open, flag),
    ];
  });
  return make("section", "", make("h3", "", say("options_filling")), ...lines);
}

function facts({ account, algorithm }: Detail): HTMLElement {
  const { type, digits, period, recovery } = account;
  const all: [string, string][] = [
    [
      say("options_type"),
      [TYPES[type], type === "totp" || type === "hotp" ? algorithm : ""].filter(Boolean).join(", "),
    ],
    [say("options_digits"), String(digits)],
    ...(period > 0 ? [[say("options_period"), say("options_seconds", String(period))] as [string, string]] : []),
    [say("options_recovery"), String(recovery)],
  ];
  const list = make(
    "dl",
    "",
    ...all.map(([name, value]) => make("div", "", make("dt", "", name), make("dd", "", value))),
  );
  const few = recovery > 0 ? "options_recovery_few" : "options_recovery_none";
  return make(
    "section",
    "",
    make("h3", "", say("options_about")),
    list,
    recovery <= FEW && make("p", recovery > 0 ? "note" : "lead", say(few)),
    recovery <= FEW && command(`codefob recovery ${quoted(account)} --add`),
  );
}

function removal(open: Open, happen: Happen): (HTMLElement | undefined)[] {
  return [
    keyed(
      `remove ${open.handle}`,
      button(say("options_remove"), () => happen({ type: "take away" }), "warn"),
    ),
    status(open, "remove"),
    ...problem(open, "remove"),
  ];
}

/** That something is kept, or about to be. */
function status({ busy, saved }: Open, change: Open["saved"]): HTMLElement {
  const text =
    busy?.change === change
      ? say(busy?.dialog ? "answer_dialog" : "options_saving")
      : saved === change
        ? `✓ ${say("options_saved")}`
        : "";
  const element = make("span", "status", text);
  element.role = "status";
  return element;
}

function problem({ trouble }: Open, change: Open["saved"]): HTMLElement[] {
  return trouble && trouble.change === change ? [wrong(trouble)] : [];
}

/** What is amiss, in the host's own words where only those say it. */
export function wrong(trouble: Trouble): HTMLElement {
  const { problem, message, hint } = trouble;
  const own = message && [sentence(message), ...(hint ? [sentence(hint)] : [])];
  const lines = own || [`${say(`problem_${problem}_title`)}. ${say(`problem_${problem}_text`)}`];
  const element = make("p", "wrong", lines.join(" "));
  element.role = "alert";
  return element;
}

/** What the host says, as a sentence. */
function sentence(text: string): string {
  const first = [...text][0] ?? "";
  return `${first.toUpperCase()}${text.slice(first.length)}${/[.!?"]$/.test(text) ? "" : "."}`;
}

/** The bar that brings a removed account back. */
export function bar({ handle, account, ask, trouble }: Gone, happen: Happen): HTMLElement {
  const undo = keyed(
    `undo ${handle}`,
    button(say("options_undo"), () => happen({ type: "undo", handle }), "line"),
  );
  if (ask !== undefined) undo.ariaDisabled = "true";
  const dismiss = button("×", () => happen({ type: "dismiss", handle }), "small");
  dismiss.ariaLabel = say("options_dismiss");
  return make(
    "div",
    "bar",
    make("span", "", say("options_removed", fullTitle(account))),
    undo,
    dismiss,
    trouble && make("div", "more", wrong(trouble), make("p", "", say("options_restore")), command("codefob restore")),
  );
}

/** A text field under its name. */
export function field(label: string, key: string, value: string, typed: (value: string) => void): HTMLElement {
  const input = keyed(key, document.createElement("input"));
  input.type = "text";
  input.value = value;
  input.maxLength = 300;
  input.autocomplete = "off";
  input.spellcheck = false;
  input.addEventListener("input", () => typed(input.value));
  return make("label", "field", make("span", "", label), input);
}

/** A form that Enter sends, which is to us alone. */
export function formOf(sent: () => void, ...inside: Parameters<typeof make>[2][]): HTMLElement {
  const form = make("form", "", ...inside);
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !(event.target instanceof HTMLInputElement)) return;
    if (event.target.type === "checkbox") return;
    event.preventDefault();
    if (event.isTrusted && !event.repeat) sent();
  });
  return form;
}

/** A site as people say it. */
export function shown(site: string): string {
  return site.replaceAll("https://", "");
}

/**
 * An account as a command names it. Names come from elsewhere: what a shell
 * could take for more than text is left to the user.
 */
export function quoted({ issuer, account, site }: Account): string {
  const name = [issuer, account].filter(Boolean).join(" ");
  for (const each of [name, issuer, account, site ?? ""])
    if (/^[\p{L}\p{N}][\p{L}\p{N} .,@_+:-]*$/u.test(each)) return `"${each}"`;
  return "…";
}
