// What a person does in the popup. This is the only file that knows what the
// popup's document looks like.

import { until } from "./until.mjs";

/** @typedef {import("./browser.mjs").Popup} Popup */

/** What the popup says, without its header. @param {Popup} popup */
export const words = (popup) =>
  popup.read((document) => /** @type {HTMLElement} */ (document.querySelector("main")).innerText);

/** Waits until the popup says something. @param {Popup} popup @param {string} text */
export async function says(popup, text) {
  try {
    return await until(`"${text}" in the popup`, async () => (await words(popup)).includes(text));
  } catch (error) {
    throw new Error(`${error}; it says:\n${await words(popup).catch(() => "(it is gone)")}`);
  }
}

/** Whether the main button bears this label and takes a click. @param {Popup} popup @param {string} label */
export const armed = (popup, label) =>
  popup.read((document, label) => {
    const button = document.querySelector("main .primary");
    const takes = button?.getAttribute("aria-disabled") !== "true" && document.hasFocus();
    return Boolean(button?.textContent?.startsWith(label) && takes);
  }, label);

/** Presses Enter once the main button bears this label and takes it. @param {Popup} popup @param {string} [label] */
export async function confirm(popup, label = "Fill code") {
  await until(`armed button "${label}"`, () => armed(popup, label));
  await popup.press("Enter");
}

/** Clicks the main button once it bears this label and takes it. @param {Popup} popup @param {string} [label] */
export async function clickConfirm(popup, label = "Fill code") {
  await until(`armed button "${label}"`, () => armed(popup, label));
  await press(popup, label);
}

/** Has the host ask for the passphrase, and waits until the vault is open. @param {Popup} popup */
export async function unlock(popup) {
  await confirm(popup, "Unlock");
  await until("open vault", async () => !/The vault is locked/.test(await words(popup)), 15_000);
}

/** The selected account of several. @param {Popup} popup */
export const selected = (popup) =>
  popup.read(
    (document) => /** @type {HTMLElement | null} */ (document.querySelector("[aria-selected=true] .names"))?.innerText,
  );

/** Clicks the button, or what folds, that bears this label, once it takes a click and stands still; selector: what else is looked at. @param {Popup} popup @param {string} label @param {string} [selector] */
export async function press(popup, label, selector = "button, summary") {
  let [last, looks] = ["", 0];
  const found = await until(`button "${label}" in the popup`, async () => {
    const [path, place] = await popup.read(find, label, selector);
    looks = place === last ? looks + 1 : 0;
    last = place;
    return looks > 3 ? path : ""; // a popup that has just opened still grows
  });
  await popup.click(found);
}

/** Goes to what bears this label by the Tab key, and presses Enter there once it takes it. @param {Popup} popup @param {string} label */
export async function pressByKeys(popup, label) {
  const look = () =>
    popup.read((document) => {
      const at = document.activeElement;
      return {
        text: at?.textContent,
        disabled: at?.getAttribute("aria-disabled") === "true",
        here: document.hasFocus(),
      };
    });
  /** @type {Awaited<ReturnType<typeof look>> | undefined} */
  let at;
  const here = async () => {
    at = await look();
    if (!at.text?.startsWith(label)) await popup.press("Tab");
    else return !at.disabled;
  };
  // A popup that is drawn again meanwhile has its focus at the start again.
  await until(`focus on "${label}"`, here).catch((error) => {
    throw new Error(`${error.message}; it was on ${JSON.stringify(at)}`);
  });
  await popup.press("Enter");
}

/** A selector for a button, and where it stands. @param {Document} document @param {string} label @param {string} selector @returns {[string, string]} */
function find(document, label, selector) {
  const found = [...document.querySelectorAll(selector)].find(
    (each) =>
      (each.ariaLabel ?? each.textContent)?.startsWith(label) &&
      each.getAttribute("aria-disabled") !== "true" &&
      each.getClientRects().length > 0,
  );
  found?.scrollIntoView({ block: "center" });
  const { x, y } = found?.getBoundingClientRect() ?? { x: 0, y: 0 };
  const { screenX = 0, screenY = 0, innerHeight = 0 } = document.defaultView ?? {};
  const path = [];
  for (let at = found; at?.parentElement; at = at.parentElement)
    path.unshift(`:nth-child(${[...at.parentElement.children].indexOf(at) + 1})`);
  return [path.join(" > "), [x, y, screenX, screenY, innerHeight].join()];
}
