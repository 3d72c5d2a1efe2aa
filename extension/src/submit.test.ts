// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { sender, submit } from "./submit.ts";

const input = `<input id="code">`;

test.each([
  ["by the form's button", `<form>${input}<button id="a">Verify</button></form>`, "a"],
  ["by the first, as Enter does", `<form>${input}<button id="a">Go</button><button>Cancel</button></form>`, "a"],
  [
    "not by one that only acts",
    `<form>${input}<button type="button">Show</button><button id="a">Go</button></form>`,
    "a",
  ],
  ["by an input", `<form>${input}<input type="submit" id="a"></form>`, "a"],
  ["by the only button beside a form without one", `<form>${input}</form><button id="a">Other</button>`, "a"],
  ["without a button, the form itself", `<form>${input}</form>`, "sent"],
  ["a form whose button is none of a form", `<form>${input}<a role="button" id="a">Continue</a></form>`, "a"],
  ["without a form, the only button nearby", `<div><p>${input}</p><button id="a">Next</button></div>`, "a"],
  [
    "of several, the one that verifies",
    `<div>${input}<button>Close</button><button id="a">Verify code</button></div>`,
    "a",
  ],
  ["never the one that sends a code again", `<div>${input}<button>Resend code</button></div>`, ""],
  ["none of several that could be meant", `<div>${input}<button>One</button><button>Two</button></div>`, ""],
  ["not one far away", `<div>${"<div>".repeat(6)}${input}${"</div>".repeat(6)}<button>Menu</button></div>`, ""],
  ["a disabled one does nothing", `<form>${input}<button disabled>Verify</button></form>`, ""],
])("%s", (_name, html, want) => {
  document.body.innerHTML = html;
  const seen: string[] = [];
  document.body.onclick = (event) => {
    event.preventDefault();
    if (event.target instanceof HTMLElement) seen.push(event.target.id);
  };
  document.body.onsubmit = (event) => {
    event.preventDefault();
    seen.push("sent");
  };
  const field = document.querySelector<HTMLInputElement>("#code");
  if (field) submit(field);
  expect(seen.join()).toBe(want);
});

test.each<[string, string, (input: HTMLInputElement) => void]>([
  ["one that does nothing by itself", "a", () => undefined],
  ["one that sent its form, by whatever script", "", ({ form }) => form?.dispatchEvent(new Event("submit"))],
  ["one that is on its way to another", "", () => window.dispatchEvent(new Event("beforeunload"))],
  ["one that locked the field", "", (input) => input.setAttribute("disabled", "")],
  ["one that took the field away", "", (input) => input.remove()],
  ["one that emptied the field", "", (input) => (input.value = "")],
])("a page is sent once: %s", (_name, want, act) => {
  document.body.innerHTML = `<form>${input}<button id="a">Verify</button></form>`;
  const field = document.querySelector<HTMLInputElement>("#code") ?? document.createElement("input");
  const seen: string[] = [];
  document.body.onclick = (event) => {
    event.preventDefault();
    if (event.target instanceof HTMLElement) seen.push(event.target.id);
  };
  const send = sender([field], "123456");
  field.value = "123456";
  act(field);
  send();
  expect(seen.join()).toBe(want);
});
