import { button, make, text } from "./draw.ts";
import type { ServiceState, ServicesResult, Stage } from "./protocol.ts";
import { say, type Word } from "./words.ts";

// Draws how far each of the user's services is on the way from text messages to
// an authenticator.

const STAGES: readonly (readonly [Stage, Word])[] = [
  ["app_possible", "options_possible"],
  ["sms", "options_sms"],
  ["done", "options_done"],
];

export function services({ services }: ServicesResult): HTMLElement[] {
  if (services.length === 0) return text(say("options_title"), say("options_none"));
  const lists = STAGES.flatMap(([stage, word]) => {
    const of = services.filter(({ state }) => state === stage);
    if (of.length === 0) return [];
    return [make("h3", "", say(word), make("span", "", String(of.length))), make("ul", "services", ...of.map(row))];
  });
  return [...text(say("options_title"), say("options_text")), ...lists];
}

function row({ name, host, state, setup, accounts, reminder }: ServiceState): HTMLElement {
  const letter = make("span", "mark", [...name][0]?.toUpperCase() ?? "");
  letter.ariaHidden = "true";
  const kept = accounts > 1 ? say("options_accounts", String(accounts)) : "";
  const sub = [
    host === name ? "" : host,
    kept,
    reminder === "wanted" && state !== "done" ? say("options_reminding") : "",
  ];
  const names = make(
    "span",
    "names",
    make("span", "issuer", name),
    make("span", "name", sub.filter(Boolean).join(" · ")),
  );
  const open = setup && state !== "done" && button(say("rescue_setup"), () => void chrome.tabs.create({ url: setup }));
  return make("li", "", make("div", "account", letter, names, open));
}
