// @vitest-environment happy-dom
import { afterEach, expect, test, vi } from "vitest";

afterEach(() => vi.unstubAllGlobals());

/** An event as the browser makes it, or as a page does. */
function transition(type: "pagehide" | "pageshow", isTrusted = true) {
  const event = new Event(type);
  Object.defineProperties(event, { isTrusted: { value: isTrusted }, persisted: { value: true } });
  window.dispatchEvent(event);
}

test("a document is connected only while it is shown", async () => {
  const ports: { open: boolean; said: object[] }[] = [];
  vi.stubGlobal("chrome", {
    runtime: {
      id: "us",
      connect() {
        const port = { open: true, said: [] as object[] };
        ports.push(port);
        const ignored = { addListener: () => undefined };
        const disconnect = () => {
          port.open = false;
        };
        const postMessage = (message: object) => void port.said.push(message);
        return { disconnect, postMessage, onMessage: ignored, onDisconnect: ignored };
      },
    },
  });
  await import("./content.ts");
  globalThis.codefob?.look(1);
  const open = () => ports.map((port) => port.open);
  expect(open()).toEqual([true]);
  transition("pagehide", false);
  expect(open()).toEqual([true]);
  transition("pagehide");
  globalThis.codefob?.look(2);
  expect(open()).toEqual([false]);
  transition("pageshow", false);
  globalThis.codefob?.look(3);
  expect(open()).toEqual([false]);
  transition("pageshow");
  globalThis.codefob?.look(4);
  expect(open()).toEqual([false, true]);
  expect(ports[1]?.said).toMatchObject([{ type: "field", look: 4 }]);
});
