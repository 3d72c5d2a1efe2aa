import { expect, test, vi } from "vitest";
import { isLink, makeHost, type NativePort, reason } from "./native.ts";
import { VERSION } from "./protocol.ts";
import type { Trust } from "./trust.ts";

interface Sent {
  readonly id: number;
  readonly method: string;
}

/** A browser whose native ports are played by the test. */
function browser(words = "Native host has exited.", trust: Partial<Trust> = {}) {
  const ports: { sent: Sent[]; reply(message: unknown): void; close(): void; closed: boolean }[] = [];
  const host = makeHost(
    () => {
      const replies: ((message: unknown) => void)[] = [];
      const ends: (() => void)[] = [];
      const port = {
        sent: [] as Sent[],
        closed: false,
        reply: (message: unknown) => replies.forEach((listener) => listener(message)),
        close: () => ends.forEach((listener) => listener()),
      };
      ports.push(port);
      const native: NativePort = {
        postMessage: (message) => void port.sent.push(message as Sent),
        disconnect: () => {
          port.closed = true;
        },
        onMessage: { addListener: (listener) => void replies.push(listener) },
        onDisconnect: { addListener: (listener) => void ends.push(listener) },
      };
      return native;
    },
    () => words,
    { client: "chromium", version: "0.1.0" },
    { challenge: () => "C", judge: async (_, answer) => answer, pin: async () => false, ...trust },
  );
  return { host, ports };
}

/** Lets what is awaited go on. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

const hello = { version: "0.1.0", protocol: VERSION, platform: "linux", vault: "open", accounts: 1 };
const released = { code: "123456", validFrom: 0, expiresAt: 0 };
const params = { handle: "h", nonce: "0123456789abcdef", purpose: "show" } as const;

test("replies go to the request of their number, in whatever order", async () => {
  const { host, ports } = browser();
  const first = host.call("code.release", params);
  const second = host.call("vault.lock", undefined);
  const port = ports[0];
  const methods = () => port?.sent.map(({ method }) => method);
  expect(methods()).toEqual(["host.hello"]);
  port?.reply({ id: port.sent[0]?.id, result: hello });
  await settled();
  expect(methods()).toEqual(["host.hello", "code.release", "vault.lock"]);
  const [, one, two] = port?.sent.map(({ id }) => id) ?? [];
  port?.reply({ id: two, result: { vault: "locked" } });
  port?.reply({ id: one, result: released });
  expect(await first).toEqual({ ok: true, result: released });
  expect(await second).toEqual({ ok: true, result: { vault: "locked" } });
  expect(ports).toHaveLength(1);
});

test.each([
  ["Specified native messaging host not found.", "host_missing"],
  ["No such native application codefob", "host_missing"],
  ["Access to the specified native messaging host is forbidden.", "host_forbidden"],
  ["Native host has exited.", "host_crashed"],
  ["", "host_crashed"],
])("a disconnection with %j is %s", async (words, problem) => {
  expect(reason(words)).toBe(problem);
  const { host, ports } = browser(words);
  const call = host.call("vault.lock", undefined);
  ports[0]?.close();
  expect(await call).toEqual({ ok: false, problem });
});

test("after a disconnection the next call starts another host and greets it", async () => {
  const { host, ports } = browser();
  const lost = host.call("vault.lock", undefined);
  ports[0]?.close();
  await lost;
  const call = host.call("vault.lock", undefined);
  await settled();
  const port = ports[1];
  expect(port?.sent[0]?.method).toBe("host.hello");
  port?.reply({ id: port.sent[0]?.id, result: hello });
  await settled();
  port?.reply({ id: port.sent[1]?.id, result: { vault: "open" } });
  expect(await call).toEqual({ ok: true, result: { vault: "open" } });
});

test.each([
  [
    "an error of the closed set",
    { error: { code: "vault_locked", message: "m", hint: "h" } },
    { problem: "vault_locked", hint: "h" },
  ],
  [
    "a reason in the host's own words",
    { error: { code: "not_valid", message: "m", hint: "h" } },
    { problem: "not_valid", message: "m", hint: "h" },
  ],
  ["an unknown error", { error: { code: "teapot", message: "m" } }, { problem: "internal" }],
  ["a name from Object", { error: { code: "constructor", message: "m" } }, { problem: "internal" }],
  ["a result of another form", { result: { code: "<b>" } }, { problem: "host_outdated" }],
  ["no result at all", { result: null }, { problem: "host_crashed" }],
])("%s", async (_name, reply, want) => {
  const { host, ports } = browser();
  const call = host.call("code.release", params);
  const port = ports[0];
  port?.reply({ id: port.sent[0]?.id, result: hello });
  await settled();
  port?.reply({ id: port.sent[1]?.id, ...reply });
  expect(await call).toEqual({ ok: false, ...want });
});

test("a reply that nobody asked for ends the connection", async () => {
  const { host, ports } = browser();
  const call = host.call("vault.lock", undefined);
  ports[0]?.reply({ id: 999, result: {} });
  expect(await call).toEqual({ ok: false, problem: "host_crashed" });
  expect(ports[0]?.closed).toBe(true);
});

test("N11 a host that is not trusted hears nothing but the greeting, and each call asks anew", async () => {
  const stranger = { key: "K", code: "C" };
  const judged: unknown[] = [];
  const { host, ports } = browser("", {
    async judge(challenge, answer) {
      judged.push(challenge, answer);
      return { ok: false, problem: "host_unknown", stranger };
    },
  });
  for (const n of [0, 1]) {
    const calls = [host.call("vault.lock", undefined), host.call("code.release", params)];
    const port = ports[n];
    port?.reply({ id: port.sent[0]?.id, result: hello });
    for (const call of calls) expect(await call).toEqual({ ok: false, problem: "host_unknown", stranger });
    await settled();
    expect(port?.sent).toMatchObject([{ method: "host.hello", params: { client: "chromium", challenge: "C" } }]);
    expect(port?.closed).toBe(true);
    expect(ports).toHaveLength(n + 1);
  }
  expect(judged).toEqual([1, 2].flatMap(() => ["C", { ok: true, result: hello }]));
});

test("a host that ends while it is judged gets no request", async () => {
  let trusted = (): void => undefined;
  const { host, ports } = browser("", {
    judge: (_, answer) => new Promise((resolve) => (trusted = () => resolve(answer))),
  });
  const call = host.call("vault.lock", undefined);
  const port = ports[0];
  port?.reply({ id: port.sent[0]?.id, result: hello });
  await settled();
  port?.close();
  trusted();
  expect(await call).toEqual({ ok: false, problem: "host_crashed" });
  expect(port?.sent).toHaveLength(1);
});

test("a host that never answers the greeting is given up", async () => {
  vi.useFakeTimers();
  try {
    const { host, ports } = browser();
    const call = host.call("vault.lock", undefined);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await call).toEqual({ ok: false, problem: "host_crashed" });
    expect(ports[0]?.closed).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});

test.each([
  ["host_missing", true],
  ["host_forbidden", true],
  ["host_crashed", true],
  ["host_outdated", true],
  ["host_unknown", true],
  ["host_changed", true],
  ["vault_damaged", false],
  ["internal", false],
] as const)("%s is a problem of the connection: %s", (problem, want) => {
  expect(isLink(problem)).toBe(want);
});
