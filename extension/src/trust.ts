import type { Answer, Stranger } from "./answer.ts";
import { type HelloResult, VERSION } from "./protocol.ts";

// Which host is trusted. The extension has the public key of one, which the user
// compared with what the host shows in a terminal; no other is told anything.

/** As much of the extension's own storage as is used. */
export interface Store {
  get(name: string): Promise<Record<string, unknown>>;
  set(items: Record<string, unknown>): Promise<void>;
}

export interface Trust {
  /** What a new host is to sign. */
  challenge(): string;
  /** The answer to the challenge if it comes from the trusted host, else what is wrong with it. */
  judge(challenge: string, answer: Answer<HelloResult>): Promise<Answer<HelloResult>>;
  /** The user trusts this key, of the last stranger, from now on. */
  pin(key: string): Promise<boolean>;
}

/** The name of the key in the store. */
const PINNED = "hostKey";
const POINT = 65;
const SIGNATURE = 64;

/** Caller is the extension as the browser names it to the host. */
export function makeTrust(caller: string, store: Store): Trust {
  let stranger: Stranger | undefined;

  return {
    challenge: () => base64(crypto.getRandomValues(new Uint8Array(32))),

    async judge(challenge, answer) {
      stranger = undefined;
      const { [PINNED]: pinned } = await store.get(PINNED);
      const fails = (problem: "host_changed" | "host_outdated" | "host_unknown") =>
        ({ ok: false, problem, ...(stranger && { stranger }) }) as const;
      if (!answer.ok) {
        // What ended, or never began, is no other program: nothing answered.
        if (["host_missing", "host_forbidden", "host_crashed"].includes(answer.problem)) return answer;
        if (pinned !== undefined) return fails("host_changed");
        return answer.problem === "bad_request" ? fails("host_outdated") : answer; // it knows of no challenge
      }
      const { key, signature, protocol } = answer.result;
      if (key === undefined && signature === undefined && pinned === undefined) return fails("host_outdated");
      const text = `codefob host.hello\n${protocol}\n${caller}\n${challenge}`;
      if (!key || !signature || !(await signed(key, signature, text))) return fails("host_changed");
      if (key !== pinned) stranger = { key, code: await codeOf(key) };
      if (stranger && pinned !== undefined) return fails("host_changed");
      if (protocol !== VERSION) return { ok: false, problem: "host_outdated" };
      return stranger ? fails("host_unknown") : answer;
    },

    async pin(key) {
      if (stranger?.key !== key) return false;
      await store.set({ [PINNED]: key });
      return true;
    },
  };
}

/** Whether the owner of a public key signed a text. */
async function signed(key: string, signature: string, text: string): Promise<boolean> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const [point, rs] = [bytes(key, POINT), bytes(signature, SIGNATURE)];
  if (!point || !rs) return false;
  try {
    const verifier = await crypto.subtle.importKey("raw", point, algorithm, false, ["verify"]);
    return await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, verifier, rs, new TextEncoder().encode(text));
  } catch {
    return false; // no point of the curve
  }
}

/** Without I, L, O and U, as the host has it (internal/hostkey). */
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** 60 bits of the SHA-256 of a public key, for people, as in "K7QD-2M9X-41TR". */
export async function codeOf(key: string): Promise<string> {
  const raw = Uint8Array.from(atob(key), (each) => each.charCodeAt(0));
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", raw));
  const bits = [...sum.subarray(0, 8)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const letters = (bits.slice(0, 60).match(/.{5}/g) ?? []).map((five) => CROCKFORD[Number.parseInt(five, 2)]).join("");
  return (letters.match(/.{4}/g) ?? []).join("-");
}

function base64(raw: Uint8Array): string {
  return btoa(String.fromCharCode(...raw));
}

/** What canonical base64 of so many bytes stands for. */
function bytes(text: string, size: number): Uint8Array<ArrayBuffer> | undefined {
  try {
    const raw = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
    return raw.length === size && base64(raw) === text ? raw : undefined;
  } catch {
    return undefined;
  }
}
