// Pages that change under the user's hands, each in a way that real ones do: a
// scene has a state to begin with, and an act that brings a field about, or
// takes it away. What the page itself can see of the offer is noted with times.

const app = document.querySelector("#app");
const appText = "Enter the code from your authenticator app.";
const smsText = "We sent a text message with a code to the number ending in 42.";

function form(text = appText, attributes = 'inputmode="numeric" maxlength="6"') {
  return `<form><p class="text">${text}</p><label>Code <input name="code" ${attributes}></label><button>Verify</button></form>`;
}
const show = (html) => {
  app.innerHTML = html;
};
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const text = (to) => {
  document.querySelector(".text").firstChild.nodeValue = to;
};

/** Scene → its state to begin with, and its act. */
const scenes = {
  late: { act: () => show(form()) },
  busy: {
    before() {
      show(`${"<div><span>item</span><a href=#>1</a></div>".repeat(1667)}<div id="ticker"></div>`);
      const ticker = document.querySelector("#ticker");
      setInterval(() => {
        for (let i = 0; i < 10; i++) ticker.append(document.createElement("div"));
        while (ticker.childNodes.length > 50) ticker.firstChild.remove();
      }, 10);
    },
    act: () => app.insertAdjacentHTML("afterbegin", form()),
  },
  dialog: {
    act: () =>
      show(
        `<div role="dialog" class="fades"><h2>One more step</h2><p>${appText}</p><input name="code" maxlength="6"></div>`,
      ),
  },
  "closed dialog": {
    before: () => show(`<dialog class="fades">${form()}</dialog>`),
    act: () => document.querySelector("dialog").showModal(),
  },
  details: {
    before: () => show(`<details><summary>Other ways</summary>${form()}</details>`),
    act: () => document.querySelector("summary").click(),
  },
  animation: {
    before() {
      show(`<button id="next">Next</button><div class="unseen">${form()}</div>`);
      const fade = () =>
        document.querySelector(".unseen").animate({ opacity: [0, 1] }, { duration: 200, fill: "forwards" });
      document.querySelector("#next").addEventListener("click", fade);
    },
    act: () => document.querySelector("#next").click(),
  },
  shadow: {
    before: () => show("<login-box></login-box>"),
    act() {
      document.querySelector("login-box").attachShadow({ mode: "open" }).innerHTML = form();
    },
  },
  "nested shadow": {
    before: () => show("<login-page></login-page>"),
    async act() {
      const outer = document.querySelector("login-page").attachShadow({ mode: "open" });
      outer.innerHTML = "<login-box></login-box>";
      await later(150);
      outer.firstChild.attachShadow({ mode: "open" }).innerHTML = form();
    },
  },
  "another input in its place": {
    before: () => show(form()),
    act: () => document.querySelector("form").replaceWith(document.querySelector("form").cloneNode(true)),
  },
  "the same input for another purpose": {
    before: () =>
      show('<form><p class="text">Welcome back.</p><label><b>E-mail</b> <input name="email"></label></form>'),
    act() {
      const input = document.querySelector("input");
      input.name = "otp";
      input.maxLength = 6;
      document.querySelector("b").firstChild.nodeValue = "Code";
      text(appText);
    },
  },
  tabs: {
    before: () =>
      show(`<div class="panel">${form(smsText, 'name="sms"')}<button class="other">Use an app instead</button></div>
<div class="panel off">${form()}</div>`),
    act: () => {
      for (const panel of document.querySelectorAll(".panel")) panel.classList.toggle("off");
    },
  },
  "text message to app": { before: () => show(form(smsText)), act: () => text(appText) },
  "app to text message": { before: () => show(form()), act: () => text(smsText) },
  "tab back": {
    before: () => show(`<div class="panel">${form()}</div><div class="panel off">${form(smsText)}</div>`),
    act: () => {
      for (const panel of document.querySelectorAll(".panel")) panel.classList.toggle("off");
    },
  },
  "single-page navigation": {
    before: () => show('<form><label>User name <input name="user"></label></form>'),
    act() {
      history.pushState({}, "", "?step=2");
      document.title = "Verification";
      show(form());
    },
  },
  frame: {
    act() {
      const frame = document.createElement("iframe");
      frame.src = `${location.href}&play=late`;
      app.append(frame);
    },
  },
};

/** The chip, as a page can see it. */
const chip = () => document.querySelector("[popover=manual]");

/** The first input that is drawn, in any open shadow tree. */
function visible(root = app) {
  for (const element of root.querySelectorAll("*")) {
    if (element.localName === "input" && element.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
      return element;
    const within = element.shadowRoot && visible(element.shadowRoot);
    if (within) return within;
  }
}

/** When, by performance.now(): the act began, a field was drawn, a chip came, a chip went; and frames without a chip. */
const seen = { act: 0, drawn: 0, offered: 0, withdrawn: 0, bare: 0 };

new MutationObserver((records) => {
  const ours = (nodes) => [...nodes].some((node) => node.popover === "manual");
  if (!seen.act) return;
  if (!chip()) seen.withdrawn ||= performance.now();
  else if (records.some(({ addedNodes }) => ours(addedNodes))) seen.offered ||= performance.now();
}).observe(document, { childList: true, subtree: true });

function frame() {
  if (!seen.drawn && visible()) seen.drawn = performance.now();
  if (!chip()) seen.bare++;
  requestAnimationFrame(frame);
}

globalThis.live = {
  scenes: Object.keys(scenes),
  seen,
  before: (scene) => scenes[scene].before?.(),
  act(scene) {
    Object.assign(seen, { act: performance.now(), drawn: 0, offered: 0, withdrawn: 0, bare: 0 });
    requestAnimationFrame(frame);
    scenes[scene].act();
  },
};
const { searchParams } = new URL(location.href);
if (searchParams.has("play")) globalThis.live.act(searchParams.get("play"));
