// Fields without a library, each with a way of its own to be in the way. The
// page's path names the one to show.

import { root, state } from "./page.mjs";

const label = (/** @type {string} */ input) =>
  `<label>Code <input name="code" autocomplete="one-time-code" ${input}></label>`;
const boxes = (/** @type {string} */ attributes = "") =>
  [1, 2, 3, 4, 5, 6].map((n) => `<input maxlength="1" aria-label="Digit ${n}" ${attributes}>`).join("");
const slots = `<span class="slot"></span>`.repeat(6);

/** @param {string} html */
function show(html) {
  root.innerHTML = html;
  const inputs = [...root.querySelectorAll("input")];
  const [input] = inputs;
  root.addEventListener("input", () => state(inputs.map(({ value }) => value).join("")));
  return { input, inputs };
}

/** The same for elements that are no inputs. @param {string} html */
function showEditable(html) {
  root.innerHTML = html;
  const elements = /** @type {HTMLElement[]} */ ([...root.querySelectorAll("[contenteditable]")]);
  root.addEventListener("input", () => state(elements.map(({ textContent }) => textContent?.trim()).join("")));
  return elements;
}

const editable = (/** @type {string} */ attributes) =>
  `<div class="slot" contenteditable role="textbox" ${attributes}></div>`;
const editables = `<p>Verification code</p>${[1, 2, 3, 4, 5, 6].map((n) => editable(`aria-label="Digit ${n}"`)).join("")}`;

/** The next box takes the focus once one is filled. @param {HTMLInputElement[]} inputs */
function advance(inputs) {
  for (const [i, input] of inputs.entries())
    input.addEventListener("input", () => input.value && inputs[i + 1]?.focus());
}

/** @param {HTMLElement} element @param {string} type */
const block = (element, type) => element.addEventListener(type, (event) => event.preventDefault());

/** @type {Record<string, () => void>} */
const fields = {
  password: () => void show(label(`type="password" maxlength="6"`)),
  number: () => void show(label(`type="number"`)),
  steam: () => void show(label(`maxlength="5" autocapitalize="characters"`)),

  // Room for "123 456", and a space that the page puts in.
  spaced() {
    const { input } = show(label(`maxlength="7"`));
    input.addEventListener("input", () => {
      const digits = input.value.replace(/\D/g, "").slice(0, 6);
      input.value = digits.length > 3 ? `${digits.slice(0, 3)} ${digits.slice(3)}` : digits;
    });
    root.addEventListener("input", () => state(input.value.replace(" ", "")));
  },

  "two halves"() {
    const half = (/** @type {string} */ which) =>
      `<input maxlength="3" inputmode="numeric" aria-label="${which} half">`;
    const { inputs } = show(`<p>Enter the verification code</p>${half("First")} – ${half("Second")}`);
    inputs[0].addEventListener("input", () => inputs[0].value.length === 3 && inputs[1].focus());
  },

  // One input that nobody sees over slots that show what is in it.
  transparent() {
    const { input } = show(`<div class="over">${slots}<input autocomplete="one-time-code" maxlength="6"></div>`);
    input.addEventListener("input", () => {
      for (const [i, slot] of root.querySelectorAll(".slot").entries()) slot.textContent = input.value[i] ?? "";
    });
  },

  "no paste"() {
    const { input } = show(label(`maxlength="6"`));
    block(input, "paste");
  },

  "no paste into boxes"() {
    const { inputs } = show(boxes());
    for (const input of inputs) block(input, "paste");
    advance(inputs);
  },

  // Only keydown writes here.
  "keys only"() {
    const { inputs } = show(boxes());
    for (const [i, input] of inputs.entries()) {
      block(input, "paste");
      block(input, "beforeinput");
      input.addEventListener("keydown", (event) => {
        if (!/^\d$/.test(event.key)) return;
        event.preventDefault();
        input.value = event.key;
        state(inputs.map(({ value }) => value).join(""));
        inputs[i + 1]?.focus();
      });
    }
  },

  // Letters are filtered out by key code, as many pages do.
  "keydown filter"() {
    const { input } = show(label(`type="tel" maxlength="6"`));
    block(input, "paste");
    input.addEventListener("keydown", (event) => {
      if (event.keyCode < 48 || event.keyCode > 57) event.preventDefault();
    });
  },

  // Every change makes all boxes anew, and those that are gone say nothing any more.
  rerendered() {
    let value = "";
    const render = () => {
      root.innerHTML = boxes();
      for (const [i, input] of root.querySelectorAll("input").entries()) input.value = value[i] ?? "";
    };
    render();
    root.addEventListener("input", () => {
      value = [...root.querySelectorAll("input")].map((each) => each.value).join("");
      state(value);
      render();
      root.querySelectorAll("input")[Math.min(value.length, 5)].focus();
    });
  },

  "rerendered, one field"() {
    const render = (/** @type {string} */ value) => {
      root.innerHTML = `<label>Name <input name="name"></label> ${label(`maxlength="6"`)}`;
      const input = /** @type {HTMLInputElement} */ (root.querySelector("[name=code]"));
      input.value = value;
      block(input, "paste");
      return input;
    };
    render("");
    root.addEventListener("input", ({ target }) => {
      const { name, value } = /** @type {HTMLInputElement} */ (target);
      if (name === "code") state(value);
      render(value).focus();
    });
  },

  "read-only until clicked"() {
    const { input } = show(label(`maxlength="6" readonly`));
    input.addEventListener("pointerdown", () => input.removeAttribute("readonly"));
  },

  // The form goes off with the last digit.
  "sends itself"() {
    root.innerHTML = `<form method="post">${boxes()}<input type="hidden" name="code"></form>`;
    const inputs = /** @type {HTMLInputElement[]} */ ([...root.querySelectorAll("input[maxlength]")]);
    advance(inputs);
    root.addEventListener("input", () => {
      const code = inputs.map(({ value }) => value).join("");
      state(code);
      if (code.length < 6) return;
      /** @type {HTMLInputElement} */ (root.querySelector("[name=code]")).value = code;
      /** @type {HTMLFormElement} */ (root.querySelector("form")).submit();
    });
  },

  // The same, and all stays as it is until the answer is there.
  "sends itself slowly"() {
    root.innerHTML = `<form method="post" action="?slow">${label(`maxlength="6"`)}<button>Verify</button></form>`;
    const form = /** @type {HTMLFormElement} */ (root.querySelector("form"));
    form.addEventListener("input", () => form.code.value.length === 6 && form.submit());
  },

  "sends itself slowly by a script"() {
    root.innerHTML = `<form>${label(`maxlength="6"`)}<button>Verify</button></form>`;
    const form = /** @type {HTMLFormElement} */ (root.querySelector("form"));
    form.addEventListener("input", () => form.code.value.length === 6 && form.requestSubmit());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const body = new URLSearchParams({ code: form.code.value });
      root.innerHTML += await (await fetch("?slow", { method: "POST", body })).text();
    });
  },

  // The same without a form; the field makes place for what comes next.
  "sends itself in place"() {
    const { input } = show(label(`maxlength="6"`));
    input.addEventListener("input", () => {
      if (input.value.length < 6) return;
      const body = new URLSearchParams({ code: input.value });
      root.textContent = "Signed in.";
      fetch("", { method: "POST", body });
    });
  },

  // The same, but the field stays, locked, until the answer is there.
  "sends itself and waits"() {
    const { inputs } = show(boxes());
    advance(inputs);
    root.addEventListener("input", async () => {
      const code = inputs.map(({ value }) => value).join("");
      if (code.length < 6) return;
      for (const input of inputs) input.disabled = true;
      await fetch("", { method: "POST", body: new URLSearchParams({ code }) });
      for (const input of inputs) input.value = "";
    });
  },

  "two fields"() {
    const { input } = show(
      `${label(`maxlength="6"`)} <label>Another code <input id="other" autocomplete="one-time-code"></label>`,
    );
    input.addEventListener("input", () => state(input.value));
  },

  // The same, and the field is empty again at once.
  "sends itself and empties the field"() {
    const { input } = show(label(`maxlength="6"`));
    input.addEventListener("input", async () => {
      if (input.value.length < 6) return;
      fetch("", { method: "POST", body: new URLSearchParams({ code: input.value }) });
      requestAnimationFrame(() => {
        input.value = "";
      });
    });
  },

  "contenteditable boxes"() {
    const elements = showEditable(editables);
    for (const [i, element] of elements.entries()) {
      element.addEventListener("beforeinput", (event) => {
        if (event.data && !/^\d$/.test(event.data)) event.preventDefault();
      });
      element.addEventListener("input", () => element.textContent && elements[i + 1]?.focus());
    }
  },

  // The first box takes a paste for all of them.
  "contenteditable boxes, paste"() {
    const elements = showEditable(editables);
    elements[0]?.addEventListener("paste", (event) => {
      event.preventDefault();
      const code = event.clipboardData?.getData("text/plain") ?? "";
      for (const [i, element] of elements.entries()) element.textContent = code[i] ?? "";
      state(code);
    });
  },

  // Keys are refused, so that only a text as a whole comes in.
  "contenteditable boxes, no keys"() {
    const elements = showEditable(editables);
    for (const element of elements) for (const type of ["paste", "keydown"]) block(element, type);
  },

  "contenteditable field"() {
    showEditable(`<b id="name">Verification code</b>${editable(`aria-labelledby="name" style="width: 12em"`)}`);
  },

  "clears itself"() {
    const { input } = show(label(`maxlength="6"`));
    input.addEventListener("input", () =>
      requestAnimationFrame(() => {
        input.value = "";
        state("");
      }),
    );
  },
};

fields[decodeURIComponent(location.pathname.slice(1))]?.();
