import type { Account, Parts } from "./protocol.ts";
import { say, type Word } from "./words.ts";

// The parts that the popup is made of. They only build elements.

type Child = Node | string | undefined | false;

/** An element with a class and what is in it. */
export function make(tag: string, className: string, ...children: Child[]): HTMLElement {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child): child is Node | string => child !== undefined && child !== false));
  return element;
}

/** A button that only a real act presses: one that a script made, or a key held down, does nothing. */
export function button(label: string, pressed: () => void, className = ""): HTMLButtonElement {
  const element = document.createElement("button");
  element.type = "button";
  element.className = className;
  element.append(label);
  element.addEventListener("click", (event) => {
    event.stopPropagation();
    if (event.isTrusted && element.ariaDisabled !== "true") pressed();
  });
  return element;
}

/** A field to type in, below its name; name tells it from others. */
export function field(label: string, name: string, value: string): [HTMLElement, HTMLInputElement] {
  const input = document.createElement("input");
  input.name = name;
  input.value = value;
  input.autocomplete = "off";
  input.spellcheck = false;
  return [make("label", "field", make("span", "", label), input), input];
}

/** As much of an account as names it. */
type Named = Pick<Account, "issuer" | "account" | "site">;

/** What an account is called: its issuer, else its name. */
export function title(account: Named): string {
  return account.issuer || account.account || say("unnamed");
}

/** What tells an account from others: issuer and name. */
export function fullTitle(account: Account): string {
  return account.issuer && account.account ? `${account.issuer} (${account.account})` : title(account);
}

/** One account: its first letter, issuer and name, and a note where there is one. */
export function accountRow(account: Named, note = "", ...more: Child[]): HTMLElement {
  const letter = make("span", "mark", [...title(account)][0]?.toUpperCase() ?? "");
  letter.ariaHidden = "true";
  const name = account.issuer ? account.account : "";
  const sub = [name, account.site ?? ""].filter(Boolean).join(" · ");
  const names = make(
    "span",
    "names",
    make("span", "issuer", title(account)),
    sub !== "" && make("span", "name", sub),
    note !== "" && make("span", "left", note),
  );
  return make("div", "account", letter, names, ...more);
}

/** A command to run, or a code, with a button that copies it. */
export function command(
  line: string,
  label = say("copy_command"),
  copy = (text: string) => navigator.clipboard.writeText(text),
): HTMLElement {
  const copies = button(
    say("copy_short"),
    () => void copy(line).then(() => copies.replaceChildren(say("copied"))),
    "small",
  );
  copies.ariaLabel = label;
  // Whole words: broken within "--add", it would read as two.
  const words = line.split(" ").flatMap((word, i) => [i > 0 && " ", make("span", "", word)]);
  return make("div", "command", make("code", "", ...words), copies);
}

/** A heading and a paragraph. */
export function text(heading: string, ...paragraphs: string[]): HTMLElement[] {
  return [make("h2", "", heading), ...paragraphs.map((each) => make("p", "", each))];
}

/** Tells of an export that was not read whole; nothing where there is none. */
export function lacking(parts: Parts | undefined): HTMLElement[] {
  return parts ? [make("p", "parts", say("offers_part", parts.read.join(", "), String(parts.size)))] : [];
}

/** A code with the time that it has left; left runs from 1 to 0. */
export function code(value: string): { element: HTMLElement; left(share: number, seconds: number): void } {
  const spaced =
    value.length > 4 && value.length % 2 === 0 ? value.replace(new RegExp(`^.{${value.length / 2}}`), "$& ") : value;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "ring");
  svg.setAttribute("viewBox", "0 0 36 36");
  const circles = [0, 1].map(() => {
    const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    for (const [name, n] of [
      ["cx", 18],
      ["cy", 18],
      ["r", 15.9155],
    ] as const)
      circle.setAttribute(name, String(n));
    svg.append(circle);
    return circle;
  });
  const seconds = make("span", "");
  seconds.ariaLive = "off";
  return {
    element: make("div", "code", make("output", "", spaced), seconds, svg),
    left(share, count) {
      circles[1]?.setAttribute("stroke-dashoffset", String(100 - 100 * Math.min(1, Math.max(0, share))));
      seconds.textContent = say("seconds_left" satisfies Word, String(count));
    },
  };
}

/** A list of sentences. */
export function bullets(...items: string[]): HTMLElement {
  return make("ul", "", ...items.map((item) => make("li", "", item)));
}

/** What can be folded away under a heading. */
export function fold(heading: string, open: boolean, ...inside: Child[]): HTMLElement {
  const element = make("details", "", make("summary", "", heading), ...inside) as HTMLDetailsElement;
  element.open = open;
  return element;
}
