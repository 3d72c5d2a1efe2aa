// What every widget's page does: it shows what it would submit, and notes how
// that came in.

export const root = /** @type {HTMLElement} */ (document.querySelector("#root"));

/** Shows what the page would submit now. @param {string} value */
export function state(value) {
  /** @type {HTMLElement} */ (document.querySelector("#state")).textContent = value;
}

// Of the ladder's steps a page sees these events, none of them from a person.
const seen = { paste: "paste", keydown: "keys", change: "value" };
for (const [type, step] of Object.entries(seen)) {
  addEventListener(
    type,
    (event) => {
      if (!event.isTrusted) document.documentElement.dataset.step = step;
    },
    true,
  );
}

// ?without=paste,keydown: what the page does not let through.
for (const type of new URLSearchParams(location.search).get("without")?.split(",") ?? []) {
  const refuse = (/** @type {Event} */ event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  addEventListener(type, refuse, true);
}
