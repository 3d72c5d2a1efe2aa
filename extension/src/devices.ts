import { command, make, text } from "./draw.ts";
import { moment } from "./log.ts";
import type { SyncCarrier, SyncDevice, SyncResult, SyncTrouble } from "./protocol.ts";
import { say, type Word } from "./words.ts";

// Draws the person's computers, what carries the changes between them, and what is
// wrong with those. It is changed in a terminal only, and here are the commands for it.

const CARRY = ["codefob sync folder PATH", "codefob sync relay URL"];
const JOIN = "codefob devices join PATH_OR_URL";

export function devices({ on, devices, carriers, troubles, duplicates }: SyncResult): HTMLElement[] {
  const first = [make("p", "", say("devices_off_next")), ...commands("codefob devices add", JOIN)];
  if (!on) return [...text(say("devices_off"), say("devices_off_text")), ...commands(...CARRY), ...first];
  const alone = devices.every(({ self, removed }) => self || removed);
  const carried = carriers.length > 0 ? [make("ul", "services log", ...carriers.map(carrierRow))] : nothing();
  return [
    ...text(say("devices_label"), say(alone ? "devices_off" : "devices_text")),
    ...troubles.map(trouble),
    ...(troubles.length > 0 ? [make("p", "", say("devices_safe"))] : []),
    ...(duplicates > 0 ? [make("p", "note plain", say("devices_duplicates", String(duplicates)))] : []),
    make("ul", "services log", ...devices.map(deviceRow)),
    make("h3", "", say("devices_carriers")),
    ...carried,
    ...(alone
      ? first
      : [make("p", "", say("devices_add")), ...commands("codefob devices add", "codefob devices remove NAME")]),
  ];
}

function nothing(): HTMLElement[] {
  return [make("p", "", say("devices_nothing")), ...commands(...CARRY)];
}

const commands = (...lines: string[]) => lines.map((line) => command(line));

function deviceRow({ name, self, removed, heard, waiting }: SyncDevice): HTMLElement {
  const last = heard > 0 ? say("devices_heard", moment(heard)) : say("devices_never");
  const tag = removed ? "devices_removed" : self ? "devices_self" : undefined;
  return row(name, [self ? "" : last], waiting > 0 && say("devices_waiting", String(waiting)), tag && say(tag));
}

function carrierRow({ kind, where, reached, pending, error, why }: SyncCarrier): HTMLElement {
  const last = reached > 0 ? say("devices_reached", moment(reached)) : say("devices_unreached");
  const rest = pending > 0 ? say("devices_pending", String(pending)) : reached > 0 ? say("devices_all") : "";
  const title = say(kind === "relay" ? "devices_relay" : "devices_folder");
  // Of a kind that is newer than we, the host says it in English.
  const reason = (why && say(`carrier_${why.replaceAll("-", "_")}` as Word)) || error;
  return row(title, [where, last, rest], reason !== undefined && say("devices_wrong", reason));
}

/** A title, with lines below it, and the last of them for what is wrong. */
function row(title: string, lines: readonly string[], wrong: string | false, tag?: string): HTMLElement {
  const names = make(
    "span",
    "names",
    make("span", "issuer", title),
    ...lines.filter(Boolean).map((line) => make("span", "name", line)),
    wrong && make("span", "wrong", wrong),
  );
  return make("li", "", make("div", "account", names, tag !== undefined && make("span", "tag", tag)));
}

/** What is wrong, and the way out. Of a kind that is newer than we, the host says it in English. */
function trouble({ kind, carrier, device, text: english }: SyncTrouble): HTMLElement {
  const name = kind === "fork" && device === undefined ? "list" : kind.replaceAll("-", "_");
  const [title, what] = (["title", "text"] as const).map((part) => say(`sync_${name}_${part}` as Word));
  const about = [device, carrier].filter(Boolean).join(" · ");
  return make(
    "div",
    "note",
    title ? make("b", "", title) : "",
    about !== "" && make("span", "about", about),
    make("p", "", what || english),
    kind === "fork" && device !== undefined && command("codefob devices remove NAME"), // a name may hold what a shell obeys
    kind === "removed" && command(JOIN),
  );
}
