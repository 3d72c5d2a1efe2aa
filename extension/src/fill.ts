import type { Field } from "./find.ts";
import type { Step } from "./messages.ts";

type Inputs = Field["inputs"];

/** Whether a code is in a field, as the page shows it: spaces and dashes between its characters do not count. */
export function holds(inputs: Inputs, code: string): boolean {
  const value = inputs.map((input) => input.value).join("");
  return plain(value) === plain(code);
}

function plain(text: string): string {
  return text.replace(/[\s-]/g, "");
}

/** Whether a code can fit: one character a box, or not more than the input takes. */
export function fits(inputs: Inputs, code: string): boolean {
  const [first] = inputs;
  if (inputs.length > 1) return inputs.length === code.length;
  return first.maxLength < 0 || first.maxLength >= code.length;
}

/**
 * Puts a code into a field: as a paste, else key by key, else as a value; reads
 * it back after each, once settle has let the page's own code run. Returns the
 * step that held; undefined, with the field empty, when none did.
 */
export async function fill(inputs: Inputs, code: string, settle = twoFrames): Promise<Step | undefined> {
  const steps: readonly [Step, (inputs: Inputs, code: string) => unknown][] = [
    ["paste", paste],
    ["keys", keys],
    ["value", values],
  ];
  clear(inputs);
  for (const [step, put] of steps) {
    if ((await put(inputs, code)) === false) continue;
    const held = holds(inputs, code);
    await settle();
    // A page that sends the form by itself takes the field away or locks it once the code is complete.
    if (holds(inputs, code) || (held && taken(inputs))) return step;
    clear(inputs);
  }
  return undefined;
}

function taken(inputs: Inputs): boolean {
  return inputs.some((input) => !input.isConnected || input.disabled || input.readOnly);
}

/** False when the page let the paste pass: nothing is inserted then, and there is nothing to wait for. */
function paste([first]: Inputs, code: string): boolean {
  first.focus();
  const data = new DataTransfer();
  data.setData("text/plain", code);
  const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true, composed: true });
  return !first.dispatchEvent(event);
}

async function keys(inputs: Inputs, code: string): Promise<void> {
  const [first] = inputs;
  for (const [i, key] of [...code].entries()) {
    const input = inputs.length > 1 ? inputs[i] : first;
    if (!input) return;
    if ((input.getRootNode() as Document | ShadowRoot).activeElement !== input) input.focus();
    const init = {
      key,
      code: /\d/.test(key) ? `Digit${key}` : `Key${key}`,
      keyCode: key.charCodeAt(0),
      bubbles: true,
      cancelable: true,
      composed: true,
    };
    if (input.dispatchEvent(new KeyboardEvent("keydown", init))) {
      if (inputs.length > 1) input.select();
      input.ownerDocument.execCommand("insertText", false, key);
    }
    input.dispatchEvent(new KeyboardEvent("keyup", init));
    if (inputs.length > 1) await pause();
  }
}

function values(inputs: Inputs, code: string): void {
  const parts = inputs.length > 1 ? [...code] : [code];
  inputs.forEach((input, i) => {
    set(input, parts[i] ?? "");
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

function clear(inputs: Inputs): void {
  for (const input of inputs) if (input.value) set(input, "");
}

/** Sets a value past the page's own setters, which a content script's view of the element does not have. */
function set(input: HTMLInputElement, value: string): void {
  input.value = value;
  const init = value ? { inputType: "insertText", data: value } : { inputType: "deleteContentBackward" };
  input.dispatchEvent(new InputEvent("input", { ...init, bubbles: true, composed: true }));
}

const pause = () => new Promise((resolve) => setTimeout(resolve));

/** Two frames, or 100 ms in a page that draws none. */
function twoFrames(): Promise<unknown> {
  const frames = new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  return Promise.race([frames, new Promise((resolve) => setTimeout(resolve, 100))]);
}
