// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import messages from "../public/_locales/en/messages.json";
import { devices } from "./devices.ts";
import type { CarrierWhy, SyncResult, SyncTroubleKind } from "./protocol.ts";

beforeEach(() => {
  const getMessage = (name: string, parts: string[]) =>
    (messages as Record<string, { message: string }>)[name]?.message.replace(/\$(\d)/g, (_, n) => parts[n - 1] ?? "") ??
    "";
  vi.stubGlobal("chrome", { i18n: { getMessage, getUILanguage: () => "en" } });
});
afterEach(() => void vi.unstubAllGlobals());

const on: SyncResult = {
  on: true,
  devices: [
    { name: "Laptop", self: true, removed: false, heard: 0, waiting: 0 },
    { name: "Desk", self: false, removed: true, heard: Date.UTC(2026, 1, 3), waiting: 2 },
  ],
  carriers: [{ kind: "folder", where: "/shared", reached: 0, pending: 3, error: "it is gone" }],
  troubles: [],
  duplicates: 0,
};
const said = (result: SyncResult) => devices(result).map(({ textContent }) => textContent ?? "");

const KINDS: Record<SyncTroubleKind, true> = {
  fork: true,
  older: true,
  hole: true,
  changed: true,
  stranger: true,
  clock: true,
  newer: true,
  "two-secret": true,
  removed: true,
  waiting: true,
  "too-large": true,
};

test.each(Object.keys(KINDS) as SyncTroubleKind[])("%s is told in words, with whom and what it is about", (kind) => {
  const trouble = { kind, foul: true, carrier: "/shared", device: "Desk", text: "In English." };
  const note = said({ ...on, troubles: [trouble] })[2];
  expect(note).toMatch(/^[A-Z].+Desk · \/shared[A-Z]/);
  expect(note).not.toContain(trouble.text);
});

test("a kind that is newer than the extension is told by the host", () => {
  const kind = "of tomorrow" as SyncTroubleKind;
  expect(said({ ...on, troubles: [{ kind, foul: false, text: "In English." }] })[2]).toBe("In English.");
});

test("two histories of nobody are those of the list of devices", () => {
  const fork = { kind: "fork", foul: true, text: "" } as const;
  expect(said({ ...on, troubles: [fork] })[2]).toContain("two lists of your devices");
});

test("this computer, who was removed, and what waits are told", () => {
  const all = said(on).join("\n");
  expect(all).toContain("LaptopThis computer");
  expect(all).toMatch(/DeskLast change from it: \u2068Feb 3, 2026.*wait for an earlier one: 2Removed/);
  expect(all).toContain(
    "Folder/sharedNot reached yetChanges that it does not have yet: 3It cannot be used now: it is gone",
  );
});

const WHYS: Record<CarrierWhy, true> = {
  storage: true,
  gone: true,
  denied: true,
  full: true,
  unreached: true,
  certificate: true,
  "not-relay": true,
  version: true,
};

test.each([...Object.keys(WHYS), "of tomorrow"])("why a carrier is not reached is told: %s", (why) => {
  const carrier = { kind: "relay", where: "wss://r.example", reached: 0, pending: 0, error: "In English." } as const;
  const all = said({ ...on, carriers: [{ ...carrier, why: why as CarrierWhy }] }).join("\n");
  expect(all).toMatch(/It cannot be used now: ./);
  expect(all.includes("In English.")).toBe(why === "of tomorrow");
});

test("a first computer that is alone is told how another one comes in", () => {
  const [desk] = on.devices;
  const all = said({ ...on, devices: desk ? [desk] : [] }).join(" ");
  expect(all).toMatch(/on this computer only.*devices add.*devices join/);
  expect(all).not.toContain("devices remove");
});

test("where nothing is synced, or nothing carries, the commands for it are there", () => {
  expect(said({ ...on, on: false }).join(" ")).toMatch(/sync folder PATH.*sync relay URL.*devices add.*devices join/);
  expect(said({ ...on, carriers: [] }).join(" ")).toMatch(/sync folder PATH.*sync relay URL/);
});
