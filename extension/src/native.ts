import type { Answer, LinkError } from "./answer.ts";
import type {
  AllowParams,
  AllowResult,
  Detail,
  EditParams,
  EnrollParams,
  EnrollResult,
  ErrorCode,
  FactsParams,
  FactsResult,
  HandleParams,
  HandleResult,
  HelloParams,
  HelloResult,
  ListParams,
  ListResult,
  LogParams,
  LogResult,
  MarkParams,
  MarksParams,
  MarksResult,
  MatchParams,
  MatchResult,
  Method,
  OffersResult,
  QRParams,
  RecoveryParams,
  RecoveryResult,
  ReleaseParams,
  ReleaseResult,
  RemindParams,
  RemindResult,
  SaveParams,
  SaveResult,
  SearchParams,
  SearchResult,
  ServicesResult,
  SyncResult,
  URIParams,
  VaultResult,
} from "./protocol.ts";
import type { Trust } from "./trust.ts";

/** What each method takes and gives. */
interface Calls {
  "host.hello": { params: HelloParams; result: HelloResult };
  "vault.unlock": { params: undefined; result: VaultResult };
  "vault.lock": { params: undefined; result: VaultResult };
  "accounts.match": { params: MatchParams; result: MatchResult };
  "accounts.search": { params: SearchParams; result: SearchResult };
  "site.allow": { params: AllowParams; result: AllowResult };
  "code.release": { params: ReleaseParams; result: ReleaseResult };
  "site.marks": { params: MarksParams; result: MarksResult };
  "site.mark": { params: MarkParams; result: MarksResult };
  "service.facts": { params: FactsParams; result: FactsResult };
  "service.remind": { params: RemindParams; result: RemindResult };
  "services.list": { params: undefined; result: ServicesResult };
  "recovery.next": { params: RecoveryParams; result: RecoveryResult };
  "recovery.save": { params: SaveParams; result: SaveResult };
  "qr.read": { params: QRParams; result: OffersResult };
  "uri.read": { params: URIParams; result: OffersResult };
  "account.enroll": { params: EnrollParams; result: EnrollResult };
  "accounts.list": { params: ListParams; result: ListResult };
  "account.edit": { params: EditParams; result: Detail };
  "account.remove": { params: HandleParams; result: HandleResult };
  "account.restore": { params: HandleParams; result: Detail };
  "log.list": { params: LogParams; result: LogResult };
  "sync.status": { params: undefined; result: SyncResult };
}

/** The one connection to the host, made when it is needed. */
export interface Host {
  call<M extends Method>(method: M, params: Calls[M]["params"]): Promise<Answer<Calls[M]["result"]>>;
}

/** As much of a browser's native port as is used. */
export interface NativePort {
  postMessage(message: object): void;
  disconnect(): void;
  readonly onMessage: { addListener(listener: (message: unknown) => void): void };
  readonly onDisconnect: { addListener(listener: () => void): void };
}

/** A host that has not answered the greeting by now, in ms, never will: it waits at most 5 s for a keychain. */
const GREETING = 20_000;

type Settle = (answer: Answer<unknown>) => void;

/**
 * Speaks to the host over a port that connect makes; why tells the reason of
 * the last disconnection in the browser's words. Greets each new host first, and
 * sends it nothing else unless trust has judged that it is the one;
 * after a disconnection, or a reply that is not as this version has it, the
 * next call starts another.
 */
export function makeHost(
  connect: () => NativePort,
  why: (port: NativePort) => string,
  hello: HelloParams,
  trust: Trust,
): Host {
  let port: NativePort | undefined;
  let waiting = new Map<number, Settle>();
  let last = 0;
  let greeted: Promise<Answer<HelloResult>> | undefined;

  function drop(from: NativePort, problem: LinkError) {
    if (from !== port) return;
    port = undefined;
    greeted = undefined;
    const left = waiting;
    waiting = new Map();
    for (const settle of left.values()) settle({ ok: false, problem });
  }

  function open(): NativePort {
    const made = connect();
    port = made;
    made.onMessage.addListener((message) => {
      if (made !== port) return;
      const reply = parse(message);
      const settle = reply && waiting.get(reply.id);
      if (!reply || !settle) {
        return end(made, "host_crashed"); // not a host of ours
      }
      waiting.delete(reply.id);
      settle(reply.answer);
    });
    made.onDisconnect.addListener(() => drop(made, reason(why(made))));
    greeted = greet(made);
    return made;
  }

  async function greet(to: NativePort): Promise<Answer<HelloResult>> {
    const challenge = trust.challenge();
    const timer = setTimeout(() => end(to, "host_crashed"), GREETING);
    const answer = await trust.judge(challenge, await ask(to, "host.hello", { ...hello, challenge }));
    clearTimeout(timer);
    if (!answer.ok) end(to, "host_crashed"); // the next call asks another
    return answer;
  }

  function end(from: NativePort, problem: LinkError) {
    from.disconnect();
    drop(from, problem);
  }

  function ask<M extends Method>(
    to: NativePort,
    method: M,
    params: Calls[M]["params"],
  ): Promise<Answer<Calls[M]["result"]>> {
    return new Promise((resolve) => {
      const id = ++last;
      waiting.set(id, (answer) => {
        const sound = !answer.ok || SOUND[method](answer.result as Record<string, unknown>);
        if (sound) return resolve(answer as Answer<Calls[M]["result"]>);
        resolve({ ok: false, problem: "host_outdated" });
        end(to, "host_outdated");
      });
      try {
        if (to !== port) throw new Error("it has ended");
        to.postMessage(params ? { id, method, params } : { id, method });
      } catch {
        waiting.delete(id);
        drop(to, "host_crashed");
        resolve({ ok: false, problem: "host_crashed" });
      }
    });
  }

  return {
    async call(method, params) {
      try {
        const to = port ?? open();
        const greeting = await greeted;
        return greeting?.ok ? ask(to, method, params) : (greeting ?? { ok: false, problem: "host_crashed" });
      } catch {
        return { ok: false, problem: "host_missing" };
      }
    },
  };
}

/** Whether a problem is of the connection to the host, not one that a host reported. */
export function isLink(problem: ErrorCode | LinkError): problem is LinkError {
  return !Object.hasOwn(ERROR_CODES, problem);
}

/** Classifies why a native port closed. */
export function reason(words: string): LinkError {
  if (/not found|no such native application/i.test(words)) return "host_missing";
  if (/forbidden/i.test(words)) return "host_forbidden";
  return "host_crashed";
}

const ERROR_CODES: Record<ErrorCode, true> = {
  bad_request: true,
  unknown_method: true,
  too_large: true,
  vault_missing: true,
  vault_locked: true,
  vault_damaged: true,
  vault_newer: true,
  vault_storage: true,
  unlock_failed: true,
  unknown_handle: true,
  origin_refused: true,
  frame_refused: true,
  not_allowed: true,
  budget_used: true,
  recovery_empty: true,
  recovery_too_long: true,
  limit_reached: true,
  picture_refused: true,
  busy: true,
  no_qr: true,
  not_otp: true,
  unknown_ticket: true,
  account_exists: true,
  not_valid: true,
  declined: true,
  internal: true,
};

function parse(message: unknown): { id: number; answer: Answer<unknown> } | undefined {
  if (!isObject(message) || typeof message["id"] !== "number") return undefined;
  const { id, result, error } = message as { id: number; result?: unknown; error?: unknown };
  if (isObject(error)) {
    const code = String(error["code"]);
    const problem = Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : "internal";
    const part = (name: "hint" | "message") => {
      const text = error[name];
      return typeof text === "string" && text !== "" && { [name]: text.slice(0, 300) };
    };
    return { id, answer: { ok: false, problem, ...part("hint"), ...(problem === "not_valid" && part("message")) } };
  }
  return isObject(result) ? { id, answer: { ok: true, result } } : undefined;
}

function isObject(x: unknown): x is Record<string, unknown> {
  return typeof x === "object" && x !== null;
}

const isVault = (r: Record<string, unknown>) => ["none", "locked", "open"].includes(String(r["vault"]));
const isList = (x: unknown, sound: (each: unknown) => boolean) => Array.isArray(x) && x.every(sound);
const isText = (x: unknown) => typeof x === "string";
const isLinkTo = (x: unknown) => x === undefined || (isText(x) && String(x).startsWith("https://"));
const isMarks = (r: Record<string, unknown>) =>
  isList(r["marks"], (each) => isObject(each) && isText(each["field"]) && isText(each["as"]));
const isService = (x: unknown) =>
  x === undefined || (isObject(x) && isList(x["methods"], isText) && isLinkTo(x["setup"]) && isLinkTo(x["recovery"]));
const isAccount = (x: unknown) => isObject(x) && isText(x["handle"]);
const isAccounts = (x: unknown) => isList(x, isAccount);
const isDetail = (x: unknown) => isObject(x) && isAccount(x["account"]) && isList(x["sites"], isText);
const isOffer = (x: unknown) =>
  isObject(x) &&
  isText(x["ticket"]) &&
  isText(x["issuer"]) &&
  isText(x["account"]) &&
  (!x["have"] || isAccount(x["have"]));
const isRecord = (x: unknown) =>
  isObject(x) &&
  [x["at"], x["since"], x["times"]].every(Number.isSafeInteger) &&
  [x["act"], x["account"], x["host"], x["by"]].every(isText) &&
  (x["refused"] === undefined || Object.hasOwn(ERROR_CODES, String(x["refused"])));
const isDevice = (x: unknown) =>
  isObject(x) && isText(x["name"]) && [x["heard"], x["waiting"]].every(Number.isSafeInteger);
const isCarrier = (x: unknown) =>
  isObject(x) &&
  isText(x["where"]) &&
  [x["reached"], x["pending"]].every(Number.isSafeInteger) &&
  [x["error"], x["why"]].every((x) => x === undefined || isText(x));
const isTrouble = (x: unknown) => isObject(x) && isText(x["kind"]) && isText(x["text"]);
const isParts = (x: unknown) =>
  x === undefined || (isObject(x) && isList(x["read"], Number.isFinite) && Number.isFinite(x["size"]));
const isOffers = (r: Record<string, unknown>) =>
  isList(r["offers"], isOffer) && Number.isFinite(r["others"]) && isParts(r["parts"]);

/** What of a result is used must have the right form. */
const SOUND: Record<Method, (result: Record<string, unknown>) => boolean> = {
  "host.hello": (r) =>
    Number.isFinite(r["protocol"]) &&
    isVault(r) &&
    [r["key"], r["signature"]].every((x) => x === undefined || isText(x)),
  "vault.unlock": isVault,
  "vault.lock": isVault,
  "accounts.match": (r) => typeof r["host"] === "string" && isAccounts(r["accounts"]),
  "accounts.search": (r) => isAccounts(r["accounts"]) && typeof r["total"] === "number",
  "site.allow": (r) => typeof r["host"] === "string",
  "code.release": (r) =>
    /^[0-9A-Z]{4,10}$/.test(String(r["code"])) && Number.isFinite(r["validFrom"]) && Number.isFinite(r["expiresAt"]),
  "site.marks": isMarks,
  "site.mark": isMarks,
  "service.facts": (r) => isText(r["name"]) && isText(r["reminder"]) && isService(r["service"]),
  "service.remind": (r) => isList(r["hosts"], isText),
  "services.list": (r) =>
    isList(r["hosts"], isText) &&
    isList(r["taught"], isText) &&
    isList(r["services"], (each) => isObject(each) && isLinkTo(each["setup"])),
  "recovery.next": (r) => /^[ -~]{1,64}$/.test(String(r["code"])) && Number.isFinite(r["left"]),
  "recovery.save": (r) => [r["added"], r["already"], r["left"]].every(Number.isFinite),
  "qr.read": isOffers,
  "uri.read": isOffers,
  "account.enroll": (r) => isAccount(r["account"]),
  "accounts.list": (r) => isList(r["accounts"], isDetail) && Number.isFinite(r["total"]),
  "log.list": (r) => isList(r["records"], isRecord) && Number.isFinite(r["total"]) && Number.isFinite(r["missing"]),
  "sync.status": (r) =>
    isList(r["devices"], isDevice) &&
    isList(r["carriers"], isCarrier) &&
    isList(r["troubles"], isTrouble) &&
    Number.isFinite(r["duplicates"]),
  "account.edit": isDetail,
  "account.remove": (r) => isText(r["handle"]),
  "account.restore": isDetail,
};
