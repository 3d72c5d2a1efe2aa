// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from "vitest";
import { oneTime } from "./boxes.ts";
import { fill, fits, holds } from "./fill.ts";
import { judged } from "./find.ts";
import { nameOf } from "./marks.ts";

const settle = () => Promise.resolve();

function inputs(html: string): [HTMLInputElement, ...HTMLInputElement[]] {
  document.body.innerHTML = html;
  const [first, ...rest] = document.querySelectorAll("input");
  if (!first) throw new Error("no input");
  return [first, ...rest];
}

beforeEach(() => {
  // happy-dom has no editing: no key inserts anything, unless a test says so.
  document.execCommand = () => false;
});

test.each([
  ["one input", `<input value="123456">`, true],
  ["spaces and dashes of the page", `<input value="123 4-56">`, true],
  ["boxes", `<input value="1"><input value="23456">`, true],
  ["half a code", `<input value="1234">`, false],
  ["another code", `<input value="654321">`, false],
  ["more than the code", `<input value="1234567">`, false],
  ["nothing", `<input>`, false],
])("holds: %s", (_name, html, want) => {
  expect(holds(inputs(html), "123456")).toBe(want);
});

test.each([
  ["no limit", `<input>`, true],
  ["room enough", `<input maxlength="7">`, true],
  ["too short", `<input maxlength="4">`, false],
  ["a box a character", "<input>".repeat(6), true],
  ["too many boxes", "<input>".repeat(8), false],
  ["two halves", `<input maxlength="3">`.repeat(2), true],
  ["two halves of a longer code", `<input maxlength="4">`.repeat(2), false],
])("fits: %s", (_name, html, want) => {
  expect(fits(inputs(html), "123456")).toBe(want);
});

test("a page that takes the paste gets no keys", async () => {
  const boxes = inputs("<input>".repeat(6));
  const keys: string[] = [];
  boxes[0].addEventListener("keydown", (event) => keys.push(event.key));
  boxes[0].addEventListener("paste", (event) => {
    event.preventDefault();
    [...(event.clipboardData?.getData("text/plain") ?? "")].forEach((c, i) => {
      const box = boxes[i];
      if (box) box.value = c;
    });
  });
  expect(await fill(boxes, "123456", settle)).toBe("paste");
  expect(keys).toEqual([]);
});

test("two boxes get half the code each", async () => {
  const boxes = inputs(`<input maxlength="3">`.repeat(2));
  expect(await fill(boxes, "123456", settle)).toBe("value");
  expect([...boxes].map(({ value }) => value)).toEqual(["123", "456"]);
  document.execCommand = (_name, _ui, text) => {
    const active = document.activeElement;
    if (active instanceof HTMLInputElement) active.value += text;
    return true;
  };
  const typed = inputs(`<input maxlength="3">`.repeat(2));
  expect(await fill(typed, "123456", settle)).toBe("keys");
  expect([...typed].map(({ value }) => value)).toEqual(["123", "456"]);
});

test("keys go in one by one, each to its box", async () => {
  const boxes = inputs("<input>".repeat(4));
  document.execCommand = (_name, _ui, text) => {
    const active = document.activeElement;
    if (active instanceof HTMLInputElement) active.value += text;
    return true;
  };
  expect(await fill(boxes, "2468", settle)).toBe("keys");
  expect(boxes.map((box) => box.value)).toEqual(["2", "4", "6", "8"]);
});

test("no key goes where the page moved the focus to", async () => {
  const [input, trap] = inputs("<input><input>");
  document.execCommand = (_name, _ui, text) => {
    const active = document.activeElement;
    if (active instanceof HTMLInputElement) active.value += text;
    return true;
  };
  let caught = "";
  input.addEventListener("keydown", () => trap?.focus());
  trap?.addEventListener("focus", () => (caught += trap.value));
  expect(await fill([input], "123456", settle)).toBe("value");
  expect(caught + trap?.value).toBe("");
});

test("the value is set where neither works, with input and change events", async () => {
  const [input] = inputs("<input>");
  const seen: string[] = [];
  for (const type of ["input", "change"]) input.addEventListener(type, () => seen.push(`${type} ${input.value}`));
  expect(await fill([input], "123456", settle)).toBe("value");
  expect(seen).toEqual(["input 123456", "change 123456"]);
});

test("a field that keeps nothing is left empty, and nothing is claimed", async () => {
  const [input] = inputs("<input>");
  input.addEventListener("input", () => {
    input.value = input.value.slice(0, 3);
  });
  expect(await fill([input], "123456", settle)).toBeUndefined();
  expect(input.value).toBe("");
});

test("a half-taken paste is cleared before the next step", async () => {
  const [input] = inputs("<input>");
  input.addEventListener("paste", (event) => {
    event.preventDefault();
    input.value = "12";
  });
  expect(await fill([input], "123456", settle)).toBe("value");
  expect(input.value).toBe("123456");
});

test("a page that sends the form by itself counts as filled, once", async () => {
  const [input] = inputs("<input>");
  let sent = 0;
  input.addEventListener("input", () => {
    if (input.value.length === 6) sent++;
  });
  const sends = async () => {
    if (sent) input.disabled = true;
    input.value = "";
  };
  expect(await fill([input], "123456", sends)).toBe("value");
  expect(sent).toBe(1);
});

test("a code that the page had whole is not put in again when the field is empty", async () => {
  const [input] = inputs("<input>");
  let sent = 0;
  input.addEventListener("input", () => {
    if (input.value.length === 6) sent++;
  });
  document.execCommand = (_name, _ui, text) => {
    input.value += text;
    input.dispatchEvent(new InputEvent("input", { bubbles: true }));
    return true;
  };
  const empties = async () => {
    input.value = "";
  };
  expect(await fill([input], "123456", empties)).toBeUndefined();
  expect(sent).toBe(1);
});

const BOXES = `<input maxlength="1" autocomplete="one-time-code">`.repeat(4);

test.each([
  ["anew", () => inputs(BOXES)],
  ["as clones", () => inputs([...document.querySelectorAll("input")].map(({ outerHTML }) => outerHTML).join(""))],
])("boxes that the page makes %s at each change are found again", async (_how, make) => {
  const boxes = inputs(BOXES);
  const anew = () => {
    const values = [...document.querySelectorAll("input")].map((input) => input.value);
    make().forEach((input, i) => {
      input.value = values[i] ?? "";
    });
  };
  document.body.addEventListener("input", anew);
  const all = () => [...document.querySelectorAll("input")];
  const { checkVisibility, getBoundingClientRect } = Element.prototype;
  Element.prototype.checkVisibility = () => true;
  Element.prototype.getBoundingClientRect = function () {
    return new DOMRect(40 * all().indexOf(this as HTMLInputElement), 0, 40, 40);
  };
  const style = { opacity: "1", filter: "none" } as CSSStyleDeclaration;
  vi.stubGlobal("getComputedStyle", () => style);
  document.elementFromPoint = (x) => all()[Math.floor(x / 40)] ?? null;
  expect(await fill(boxes, "2468", settle)).toBe("value");
  document.body.removeEventListener("input", anew);
  Object.assign(Element.prototype, { checkVisibility, getBoundingClientRect });
  vi.unstubAllGlobals();
  expect(holds(boxes, "2468")).toBe(false);
  expect(all().map((input) => input.value)).toEqual(["2", "4", "6", "8"]);
  expect(all().map((input) => input.autocomplete)).toEqual(["off", "off", "off", "off"]);
  expect(all().every(oneTime)).toBe(true);
});

/** Six boxes that are no inputs. In happy-dom the focus puts no caret into them, and nothing is inserted. */
function editables(): [HTMLElement, ...HTMLElement[]] {
  document.body.innerHTML = "<div contenteditable></div>".repeat(6);
  const [first, ...rest] = document.querySelectorAll<HTMLElement>("div");
  if (!first) throw new Error("no element");
  return [first, ...rest];
}

test("elements that are no inputs take a text, and the page hears of it", async () => {
  const boxes = editables();
  const heard: string[] = [];
  for (const box of boxes) box.addEventListener("input", () => heard.push(box.textContent));
  expect(await fill(boxes, "123456", settle)).toBe("value");
  expect(heard).toEqual([..."123456"]);
  expect(holds(boxes, "123456")).toBe(true);
});

test("each key goes into the place of what is in its element", async () => {
  const boxes = editables();
  document.execCommand = (_name, _ui, text = "") => {
    const range = getSelection()?.getRangeAt(0);
    range?.deleteContents();
    range?.insertNode(document.createTextNode(text));
    return true;
  };
  boxes[0].addEventListener("keydown", () => {
    boxes[0].textContent = "0";
  });
  expect(await fill(boxes, "123456", settle)).toBe("keys");
});

test("an element that the page locks once it is full counts as filled", async () => {
  const boxes = editables();
  const locks = async () => {
    for (const box of boxes) {
      box.contentEditable = "false";
      box.textContent = "";
    }
  };
  expect(await fill(boxes, "123456", locks)).toBe("value");
});

test("the page hears of the focus, also where the browser says nothing", async () => {
  const [input] = inputs("<input>");
  input.focus = () => {};
  const heard: string[] = [];
  for (const type of ["focus", "focusin"]) input.addEventListener(type, () => heard.push(type));
  await fill([input], "123456", settle);
  expect(heard.slice(0, 2)).toEqual(["focus", "focusin"]);
});

test.each([
  ["a one-time code by that word alone", `<input autocomplete="one-time-code">`],
  ["one by what the page says", `<p>Enter the code from your authenticator app</p><input autocomplete="nonsense">`],
  ["boxes", `<label>Code</label>${`<input maxlength="1" autocomplete="one-time-code">`.repeat(6)}`],
])("the browser is to remember nothing of a field, and it is known for what it was: %s", async (_name, html) => {
  const field = inputs(html);
  const known = () => [nameOf(field), judged(document)];
  const was = known();
  await fill(field, "123456", settle);
  expect(field.map((input) => input.getAttribute("autocomplete"))).toEqual(field.map(() => "off"));
  for (const input of field) input.value = "";
  await fill(field, "123456", settle);
  expect(known()).toEqual(was);
});
