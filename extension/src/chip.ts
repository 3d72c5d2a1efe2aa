import type { Input } from "./editable.ts";

/** The pointer at a field: it holds no code and names no account. */
export interface Chip {
  /** Shows it at the end of these inputs; hides it without any. */
  at(inputs: readonly Input[] | undefined): void;
  /** Puts it where its field is now. */
  follow(): void;
}

const SIDE = 24; // CSS pixels
const SVG = "http://www.w3.org/2000/svg";

/** Makes the chip; pressed is called for a real click on it, never for one that the page made. */
export function makeChip(title: string, pressed: () => void): Chip {
  let host: HTMLElement | undefined;
  let last: Input | undefined;
  let due = false; // it is placed anew at the next frame

  function place() {
    due = false;
    if (!host || !last) return;
    const box = last.getBoundingClientRect();
    const inside = box.width >= 5 * SIDE;
    const left = inside ? box.right - SIDE - 6 : Math.min(box.right + 6, innerWidth - SIDE);
    const gone = !last.checkVisibility({ visibilityProperty: true }) || box.bottom < 0 || box.top > innerHeight;
    style(host, { left: `${left}px`, top: `${box.top + (box.height - SIDE) / 2}px`, display: gone ? "none" : "block" });
  }

  function follow() {
    if (!host || due) return;
    due = true;
    requestAnimationFrame(place);
  }

  return {
    follow,
    at(inputs) {
      const input = inputs?.at(-1);
      if (input && input === last && host?.isConnected) return follow();
      host?.remove();
      host = undefined;
      last = input;
      const change = input ? addEventListener : removeEventListener;
      for (const type of ["scroll", "resize"]) change(type, follow, { capture: true, passive: true });
      if (!input) return;
      host = draw(title, pressed);
      // Inside a modal dialog, as what is outside of one takes no clicks; in the top layer, to lie above the page.
      (input.closest("dialog") ?? document.documentElement).append(host);
      host.showPopover();
      place();
    },
  };
}

function draw(title: string, pressed: () => void): HTMLElement {
  const host = document.createElement("div");
  host.popover = "manual";
  style(host, {
    all: "initial",
    position: "fixed",
    inset: "auto",
    width: `${SIDE}px`,
    height: `${SIDE}px`,
    cursor: "pointer",
    overflow: "visible",
    "color-scheme": "light dark",
    "border-radius": "7px",
    background: "light-dark(#fff,#26262b)",
    color: "light-dark(#0f766e,#5eead4)",
    "box-shadow": "0 0 0 1px light-dark(#0002,#fff3),0 1px 3px #0003",
    // For the drawing in it.
    fill: "none",
    stroke: "currentColor",
    "stroke-linecap": "round",
  });
  host.title = title;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  // The fob, and its ring.
  for (const [d, width] of [
    ["M8.5 15.500l5-5", "8"],
    ["M16.3 8.500a2.8 2.8 0 1 0-1-1", "1.6"],
  ] as const) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    path.setAttribute("stroke-width", width);
    svg.append(path);
  }
  host.attachShadow({ mode: "closed" }).append(svg);
  host.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  host.addEventListener("click", (event) => {
    if (!event.isTrusted) return;
    event.stopPropagation();
    pressed();
  });
  return host;
}

function style(element: HTMLElement, rules: Record<string, string>): void {
  for (const [name, value] of Object.entries(rules))
    if (element.style.getPropertyValue(name) !== value) element.style.setProperty(name, value, "important");
}
