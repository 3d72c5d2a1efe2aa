import { button, make, text } from "./draw.ts";
import type { LogRecord, LogResult } from "./protocol.ts";
import { say } from "./words.ts";

// Draws what became of the codes, and what was refused, the newest first.

const BROWSERS: Record<string, string> = { chromium: "Chromium", firefox: "Firefox" };

/** The log as far as it was asked for; more asks for the rest. */
export function log({ records, total, missing }: LogResult, more: () => void): HTMLElement[] {
  const heading = text(say("log_label"), say("log_text"));
  if (missing > 0) heading.push(make("p", "note", say("log_missing", String(missing))));
  if (records.length === 0) return [...heading, make("p", "lead", say("log_none"))];
  const list = make("ul", "services log", ...records.map(row));
  return [...heading, list, ...(records.length < total ? [button(say("options_more"), more)] : [])];
}

function row({ at, since, times, act, account, accounts, host, by, refused }: LogRecord): HTMLElement {
  const title = account || (accounts > 0 ? say("options_accounts", String(accounts)) : say(`log_${act}`));
  const from = by === "command line" ? say("log_command_line") : (BROWSERS[by] ?? by);
  const what = title === say(`log_${act}`) ? "" : say(`log_${act}`);
  const sub = [what, host, from].filter(Boolean).join(" · ");
  const often = times > 1 ? ` · ${say("log_times", String(times), moment(since))}` : "";
  const time = make("time", "", moment(at)) as HTMLTimeElement;
  time.dateTime = new Date(at).toISOString();
  const names = make(
    "span",
    "names",
    make("span", "issuer", title),
    make("span", "name", sub),
    refused && make("span", "wrong", say("log_refused", say(`problem_${refused}_title`)) + often),
  );
  return make("li", "", make("div", "account", names, time));
}

/** A time in the browser's language, which need not be that of the text around it, nor go in its direction: hence the isolation. */
export const moment = (at: number) =>
  `\u2068${new Date(at).toLocaleString(chrome.i18n.getUILanguage(), { dateStyle: "medium", timeStyle: "short" })}\u2069`;
