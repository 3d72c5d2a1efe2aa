import { type FromOptions, fromOptions, type ToOptions } from "./messages.ts";
import type { Host } from "./native.ts";
import { MAX_ACCOUNTS, MAX_RECORDS, type ServicesResult } from "./protocol.ts";

/** What an options page needs of the background. */
export interface Office {
  readonly host: Host;
  /** The vault is open now, or the user at least tried. */
  unlocked(ok: boolean): Promise<void>;
  /** The user trusts the host with this key, if it is the one that they saw. */
  pin(key: string): Promise<void>;
  /** The user's services, as the host has them now. */
  services(result: ServicesResult): Promise<void>;
}

/** As much of a port to the options page as is used. */
export interface OptionsPort {
  postMessage(message: ToOptions): void;
  readonly onMessage: { addListener(listener: (message: unknown) => void): void };
  readonly onDisconnect: { addListener(listener: () => void): void };
}

/** Serves one options page: each of its requests is one of the host's, and has one answer. */
export function manage(port: OptionsPort, { host, unlocked, pin, services }: Office): void {
  let open = true;

  async function answer(message: FromOptions): Promise<ToOptions> {
    const { ask } = message;
    switch (message.type) {
      case "services": {
        const answer = await host.call("services.list", undefined);
        if (answer.ok) await services(answer.result);
        return { type: "services", ask, answer };
      }
      case "devices":
        return { type: "devices", ask, answer: await host.call("sync.status", undefined) };
      case "unlock": {
        const answer = await host.call("vault.unlock", undefined);
        await unlocked(answer.ok);
        return { type: "unlock", ask, answer };
      }
      case "pin":
        await pin(message.key);
        return { type: "pin", ask };
      case "list": {
        const { query, offset } = message;
        return { type: "list", ask, answer: await host.call("accounts.list", { query, offset, limit: MAX_ACCOUNTS }) };
      }
      case "log": {
        const { offset } = message;
        return { type: "log", ask, answer: await host.call("log.list", { offset, limit: MAX_RECORDS }) };
      }
      case "edit":
        return { type: "edit", ask, answer: await host.call("account.edit", message.edit) };
      case "remove":
        return { type: "remove", ask, answer: await host.call("account.remove", { handle: message.handle }) };
      case "restore":
        return { type: "restore", ask, answer: await host.call("account.restore", { handle: message.handle }) };
      case "picture":
        return { type: "picture", ask, answer: await host.call("qr.read", { picture: message.picture }) };
      case "text":
        return { type: "text", ask, answer: await host.call("uri.read", { text: message.text }) };
      case "enroll": {
        const { ticket, issuer, account } = message;
        return { type: "enroll", ask, answer: await host.call("account.enroll", { ticket, issuer, account }) };
      }
      default:
        return message satisfies never;
    }
  }

  port.onMessage.addListener((raw) => {
    const message = fromOptions(raw);
    if (message) void answer(message).then((answered) => open && port.postMessage(answered));
  });
  port.onDisconnect.addListener(() => {
    open = false;
  });
}
