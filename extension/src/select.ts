import type { Part } from "./pictures.ts";

// Has the user mark a part of the page, for a QR code in it. The background
// loads it then and calls codefobSelect(). It is gone before a picture is taken.

declare global {
  var codefobSelect: (() => Promise<unknown>) | undefined;
}

/** A smaller drag is a slip, in CSS pixels. */
const LEAST = 8;
/** Whoever has marked nothing after this time, in ms, wants nothing. */
const PATIENCE = 120_000;

let cancel: (() => void) | undefined;

/**
 * Covers the page until a part of it was dragged over: that part. Enter takes
 * all that is in sight, Escape nothing. Only real events count.
 */
export function select(hint: string): Promise<Part | undefined> {
  cancel?.();
  return new Promise((resolve) => {
    const { host, cover, frame } = draw(hint);
    let from: { x: number; y: number } | undefined;

    function end(part?: Part) {
      clearTimeout(timer);
      cancel = undefined;
      host.remove();
      // The picture is taken of what the screen shows by then.
      afterFrames(() => resolve(part));
    }
    function box({ clientX: x, clientY: y }: PointerEvent) {
      const start = from ?? { x, y };
      const [left, top] = [Math.min(start.x, x), Math.min(start.y, y)];
      return { x: left, y: top, width: Math.abs(start.x - x), height: Math.abs(start.y - y) };
    }
    /** Takes an event for ourselves; does nothing for one that the page made. */
    function on<K extends keyof HTMLElementEventMap>(type: K, act: (event: HTMLElementEventMap[K]) => void) {
      cover.addEventListener(type, (event) => {
        event.stopPropagation();
        if (!event.isTrusted) return;
        event.preventDefault();
        act(event);
      });
    }

    on("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = { x: event.clientX, y: event.clientY };
      cover.setPointerCapture(event.pointerId);
    });
    on("pointermove", (event) => {
      if (from) place(frame, box(event));
    });
    on("pointerup", (event) => {
      const part = box(event);
      if (!from) return;
      from = undefined;
      if (part.width >= LEAST && part.height >= LEAST) end(seen(part));
      else place(frame, undefined);
    });
    on("pointercancel", () => {
      from = undefined;
      place(frame, undefined);
    });
    on("click", () => undefined);
    on("cancel", () => end());
    on("close", () => end());
    on("keydown", ({ key, repeat }) => {
      if (key === "Escape") end();
      else if (key === "Enter" && !repeat) end(seen({ x: 0, y: 0, width: innerWidth, height: innerHeight }));
    });
    const timer = setTimeout(end, PATIENCE);
    cancel = end;

    document.documentElement.append(host);
    // Modal: above all of the page, and the keys come here.
    cover.showModal();
    cover.focus();
  });
}

/** A part of the page as the window shows it, also where the user has zoomed in with two fingers. */
function seen({ x, y, width, height }: Omit<Part, "dpr">): Part {
  const { offsetLeft, offsetTop, scale } = visualViewport ?? { offsetLeft: 0, offsetTop: 0, scale: 1 };
  return {
    x: Math.max(0, (x - offsetLeft) * scale),
    y: Math.max(0, (y - offsetTop) * scale),
    width: width * scale,
    height: height * scale,
    dpr: devicePixelRatio,
  };
}

function draw(hint: string) {
  const host = document.createElement("div");
  const cover = document.createElement("dialog");
  const frame = document.createElement("div");
  const words = document.createElement("p");
  host.lang = chrome.i18n.getUILanguage();
  style(host, { all: "initial" });
  style(cover, {
    all: "initial",
    position: "fixed",
    inset: "0",
    width: "100vw",
    height: "100vh",
    overflow: "hidden",
    cursor: "crosshair",
    "touch-action": "none",
    "user-select": "none",
    "color-scheme": "light dark",
    // In forced colors, too: it has to be seen against any page.
    "forced-color-adjust": "none",
    background: "#0000008c",
  });
  style(frame, {
    position: "fixed",
    display: "none",
    "box-sizing": "border-box",
    border: "2px dashed #000",
    outline: "2px solid #fff",
    "box-shadow": "0 0 0 100vmax #0000008c",
  });
  style(words, {
    position: "fixed",
    top: "24px",
    left: "50%",
    transform: "translateX(-50%)",
    margin: "0",
    padding: "12px 18px",
    "box-sizing": "border-box",
    width: "max-content",
    "max-width": "calc(100vw - 32px)",
    "border-radius": "10px",
    border: "2px solid light-dark(#0f766e,#5eead4)",
    background: "light-dark(#fff,#1b1b1f)",
    color: "light-dark(#111,#f4f4f5)",
    font: "600 15px/1.4 system-ui,sans-serif",
    "text-align": "center",
    "pointer-events": "none",
  });
  words.textContent = hint;
  cover.tabIndex = -1;
  cover.ariaLabel = hint;
  cover.append(frame, words);
  host.attachShadow({ mode: "closed" }).append(cover);
  return { host, cover, frame };
}

/** Shows the frame around a part; without one, hides it. */
function place(frame: HTMLElement, part: Omit<Part, "dpr"> | undefined): void {
  const cover = frame.parentElement;
  // What is outside of the frame stays dark by its shadow.
  if (cover) style(cover, { background: part ? "transparent" : "#0000008c" });
  if (!part) return style(frame, { display: "none" });
  const { x, y, width, height } = part;
  style(frame, { display: "block", left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
}

function style(element: HTMLElement, rules: Record<string, string>): void {
  for (const [name, value] of Object.entries(rules)) element.style.setProperty(name, value, "important");
}

/** After two frames have been drawn, or 200 ms in a page that draws none. */
function afterFrames(act: () => void): void {
  let done = false;
  const once = () => {
    if (!done) act();
    done = true;
  };
  requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(once)));
  setTimeout(once, 200);
}

globalThis.codefobSelect = () => select(chrome.i18n.getMessage("select_hint"));
