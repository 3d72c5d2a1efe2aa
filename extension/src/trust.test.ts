import { expect, test } from "vitest";
import type { Answer } from "./answer.ts";
import { type HelloResult, VERSION } from "./protocol.ts";
import { codeOf, makeTrust } from "./trust.ts";

const caller = "extension@codefob";
const base64 = (raw: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(raw)));
const algorithm = { name: "ECDSA", namedCurve: "P-256" };

/** A host with a key of its own. */
async function makeSigner() {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const key = base64(await crypto.subtle.exportKey("raw", publicKey));
  const sign = async (text: string) =>
    base64(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, new TextEncoder().encode(text)));
  /** What it answers to a challenge, as it should but for some parts. */
  async function answer(
    challenge: string,
    but: Record<string, unknown> = {},
    to = caller,
  ): Promise<Answer<HelloResult>> {
    const protocol = VERSION;
    const signature = await sign(`codefob host.hello\n${protocol}\n${to}\n${challenge}`);
    const rest = { version: "0.1.0", platform: "linux", vault: "open", accounts: 1 } as const;
    return { ok: true, result: { ...rest, protocol, key, signature, ...but } };
  }
  return { key, sign, answer };
}

const [ours, another] = await Promise.all([makeSigner(), makeSigner()]);

function start(pinned?: string) {
  const stored: Record<string, unknown> = pinned === undefined ? {} : { hostKey: pinned };
  const trust = makeTrust(caller, {
    get: async (name) => (Object.hasOwn(stored, name) ? { [name]: stored[name] } : {}),
    set: async (items) => void Object.assign(stored, items),
  });
  return { trust, stored, challenge: trust.challenge() };
}

test("challenges are 32 random bytes each", () => {
  const { trust, challenge } = start();
  expect(atob(challenge)).toHaveLength(32);
  expect(trust.challenge()).not.toBe(challenge);
});

test("the trusted host is known again", async () => {
  const { trust, challenge } = start(ours.key);
  const answer = await ours.answer(challenge);
  expect(await trust.judge(challenge, answer)).toBe(answer);
});

test("N11 at first contact the code is shown, and what the user agrees to is trusted", async () => {
  const { trust, stored, challenge } = start();
  const answer = await ours.answer(challenge);
  const stranger = { key: ours.key, code: await codeOf(ours.key) };
  expect(await trust.judge(challenge, answer)).toEqual({ ok: false, problem: "host_unknown", stranger });
  expect(stored).toEqual({});
  expect(await trust.pin(another.key)).toBe(false); // not the one that was shown
  expect(stored).toEqual({});
  expect(await trust.pin(ours.key)).toBe(true);
  expect(stored).toEqual({ hostKey: ours.key });
  expect(await trust.judge(challenge, answer)).toBe(answer);
  expect(await trust.pin(another.key)).toBe(false);
  expect(await trust.pin(ours.key)).toBe(false); // nobody asks
});

test("N11 another key is a stranger, and trusted only after it was compared", async () => {
  const { trust, stored, challenge } = start(ours.key);
  const answer = await another.answer(challenge);
  const stranger = { key: another.key, code: await codeOf(another.key) };
  expect(await trust.judge(challenge, answer)).toEqual({ ok: false, problem: "host_changed", stranger });
  expect(stored).toEqual({ hostKey: ours.key });
  expect(await trust.pin(another.key)).toBe(true);
  expect(await trust.judge(challenge, answer)).toBe(answer);
});

const zeros = (n: number) => base64(new Uint8Array(n).buffer);
const outdated = "host_outdated";
const changed = "host_changed";

// What is no proof is another program to who trusts one; at first contact, what has no key at all is too old. There is nothing to compare.
test.each<[string, (challenge: string) => Promise<Answer<HelloResult>>, string, string]>([
  ["no proof at all", (c) => ours.answer(c, { key: undefined, signature: undefined }), changed, outdated],
  ["no signature", (c) => ours.answer(c, { signature: undefined }), changed, changed],
  ["no key", (c) => ours.answer(c, { key: undefined }), changed, changed],
  ["empty ones", (c) => ours.answer(c, { key: "", signature: "" }), changed, changed],
  ["a replayed signature", () => ours.answer(start().challenge), changed, changed],
  ["a signature for another caller", (c) => ours.answer(c, {}, "chrome-extension://us/"), changed, changed],
  [
    "a signature of the challenge alone",
    async (c) => ours.answer(c, { signature: await ours.sign(c) }),
    changed,
    changed,
  ],
  ["the trusted key over another's signature", (c) => another.answer(c, { key: ours.key }), changed, changed],
  ["another's key over the trusted signature", (c) => ours.answer(c, { key: another.key }), changed, changed],
  ["another version than was signed", (c) => ours.answer(c, { protocol: VERSION + 1 }), changed, changed],
  ["a signature of zeros", (c) => ours.answer(c, { signature: zeros(64) }), changed, changed],
  ["a signature cut short", (c) => ours.answer(c, { signature: zeros(63) }), changed, changed],
  ["a signature that is not base64", (c) => ours.answer(c, { signature: "?" }), changed, changed],
  ["a key that is no point", (c) => ours.answer(c, { key: zeros(65) }), changed, changed],
  ["a key in another spelling", (c) => ours.answer(c, { key: `${ours.key} ` }), changed, changed],
  ["an error", async () => ({ ok: false, problem: "internal", hint: "h" }), changed, "internal"],
  ["a host that knows no challenges", async () => ({ ok: false, problem: "bad_request" }), changed, outdated],
  ["nonsense", async () => ({ ok: false, problem: outdated }), changed, outdated],
  ["an end", async () => ({ ok: false, problem: "host_crashed" }), "host_crashed", "host_crashed"],
  ["no host", async () => ({ ok: false, problem: "host_missing" }), "host_missing", "host_missing"],
])("N11 %s is no proof", async (_name, make, withTrust, atFirst) => {
  for (const [pinned, problem] of [
    [ours.key, withTrust],
    [undefined, atFirst],
  ] as const) {
    const { trust, challenge, stored } = start(pinned);
    const judged = await trust.judge(challenge, await make(challenge));
    expect(judged).toMatchObject({ ok: false, problem });
    expect(judged).not.toHaveProperty("stranger");
    for (const each of [ours, another]) expect(await trust.pin(each.key)).toBe(false);
    expect(stored["hostKey"]).toBe(pinned);
  }
});

test("what stands in the storage and is no key is not the key of any host", async () => {
  const { trust, stored, challenge } = start();
  stored["hostKey"] = { key: ours.key };
  expect(await trust.judge(challenge, await ours.answer(challenge))).toMatchObject({ problem: "host_changed" });
});

test("a trusted host of another version is not used", async () => {
  const { trust, challenge } = start(ours.key);
  const protocol = VERSION + 1;
  const signature = await ours.sign(`codefob host.hello\n${protocol}\n${caller}\n${challenge}`);
  const answer = await ours.answer(challenge, { protocol, signature });
  expect(await trust.judge(challenge, answer)).toEqual({ ok: false, problem: "host_outdated" });
});

// As the host makes it of the same bytes (internal/hostkey).
test("the code of a key", async () => {
  expect(await codeOf(btoa("a public key"))).toBe("1DSM-HYG3-H5RC");
});
