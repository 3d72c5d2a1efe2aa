import { expect, test } from "vitest";
import { above, contextOf, type Frame, makePages, type Page, pageOf, shows } from "./pages.ts";

type Sender = chrome.runtime.MessageSender;

const tab = { id: 3, incognito: false } as chrome.tabs.Tab;
const sender = (more: Partial<Sender>): Sender => ({
  id: "us",
  tab,
  frameId: 0,
  origin: "https://a.example",
  documentId: "D0",
  documentLifecycle: "active",
  ...more,
});
const send = () => undefined;
const without = (key: keyof Sender): Sender => {
  const { [key]: _, ...rest } = sender({});
  return rest;
};

test.each([
  ["an opaque origin", sender({ origin: "null", url: "https://a.example/" })],
  ["no origin", without("origin")],
  ["no tab", without("tab")],
  ["no frame", without("frameId")],
  ["a document that the browser does not name", without("documentId")],
  ["a page that is only prerendered", sender({ documentLifecycle: "prerender" })],
  ["nobody", undefined],
])("no code may go to %s", (_name, from) => {
  expect(pageOf(from, send)).toBeUndefined();
});

test("the origin is the sender's, whatever its address says", () => {
  const page = pageOf(sender({ origin: "https://a.example", url: "https://b.example/" }), send);
  expect(page).toMatchObject({ origin: "https://a.example", tab: 3, frame: 0, document: "D0", private: false });
});

const page = (frame: number, document: string, origin: string): Page => ({
  tab: 3,
  frame,
  document,
  origin,
  private: false,
  taught: false,
  focused: 0,
  send,
});
const frames: readonly Frame[] = [
  { frameId: 0, parentFrameId: -1, documentId: "D0", documentLifecycle: "active" },
  { frameId: 5, parentFrameId: 0, documentId: "D5", documentLifecycle: "active" },
  { frameId: 9, parentFrameId: 5, documentId: "D9", documentLifecycle: "active" },
];
const top = page(0, "D0", "https://top.example");
const middle = page(5, "D5", "https://mid.example");
const inner = page(9, "D9", "https://in.example");

function context(of: Page, known: readonly Page[], record = frames) {
  const chain = above(of, record);
  return chain && contextOf(of, chain, known);
}

test("a top document has no ancestors", () => {
  expect(context(top, [top])).toEqual({ origin: "https://top.example", tab: 3, frame: 0, document: "D0" });
});

test("ancestors go from the parent up, each by its own sender record", () => {
  expect(context(inner, [top, inner, middle])?.ancestors).toEqual(["https://mid.example", "https://top.example"]);
});

test.each([
  ["an ancestor did not connect", [top, inner], frames],
  ["an ancestor's frame shows another document by now", [page(0, "OLD", "https://top.example"), middle, inner], frames],
  ["an ancestor is of another tab", [{ ...top, tab: 4 }, middle, inner], frames],
  [
    "the frame itself shows another document by now",
    [top, middle, inner],
    frames.map((f) => (f.frameId === 9 ? { ...f, documentId: "NEW" } : f)),
  ],
  ["the frame is not in the browser's record", [top, middle, inner], frames.slice(0, 2)],
  ["the record has a hole", [top, middle, inner], [frames[0], frames[2]].filter((f) => f !== undefined)],
  ["the record goes in a circle", [top, middle, inner], [{ frameId: 9, parentFrameId: 9, documentId: "D9" }]],
  ["the frame is not shown", [top, middle, inner], frames.map((f) => ({ ...f, documentLifecycle: "cached" }))],
])("there is no context when %s", (_name, known, record) => {
  expect(context(inner, known, record)).toBeUndefined();
});

test("a private window is said to be one", () => {
  expect(context({ ...top, private: true }, [top])?.private).toBe(true);
});

test("a frame whose document the browser does not name shows none that we know", () => {
  expect(shows({ frameId: 0, parentFrameId: -1, documentId: "D0" }, top)).toBe(true);
  expect(shows({ frameId: 0, parentFrameId: -1 }, top)).toBe(false);
});

/** A registry in a browser whose ports and frames are played by the test. */
function registry() {
  const world = { frames, allows: true };
  const left: { document: string; thrown: boolean }[] = [];
  const pages = makePages(
    { all: async () => world.frames, look: async () => undefined, isActive: async () => true },
    {
      allows: () => world.allows,
      left: ({ document }, thrown) => void left.push({ document, thrown }),
      message: () => undefined,
    },
  );
  function connect(from: Sender) {
    let say: (message: unknown) => void = send;
    let end: () => void = send;
    pages.accept({
      name: "page",
      sender: from,
      postMessage: send,
      disconnect: send,
      onMessage: { addListener: (listener: typeof say) => (say = listener) },
      onDisconnect: { addListener: (listener: typeof end) => (end = listener) },
    } as unknown as chrome.runtime.Port);
    return { say: (message: unknown) => say(message), end: () => end() };
  }
  return { world, left, pages, connect };
}

test("a document that stays connected while another is shown in its place is not one of the tab's", async () => {
  const { pages, connect } = registry();
  connect(sender({ documentId: "OLD", origin: "https://old.example" }));
  connect(sender({ documentId: "D0" }));
  expect((await pages.shown(3)).map(({ document }) => document)).toEqual(["D0"]);
  expect(await pages.shown(4)).toEqual([]);
});

test("a page that leaves is told from one that is thrown out", () => {
  const { world, left, connect } = registry();
  connect(sender({ documentId: "GONE" })).end();
  const noisy = connect(sender({ documentId: "NOISY" }));
  world.allows = false;
  noisy.say({ type: "open" });
  noisy.say({ type: "open" });
  noisy.end();
  expect(left).toEqual([
    { document: "GONE", thrown: false },
    { document: "NOISY", thrown: true },
  ]);
});
