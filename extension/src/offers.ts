import type { Event, Model, Offered } from "./adding.ts";
import { accountRow, button, fullTitle, lacking, make, text } from "./draw.ts";
import { field, formOf, keyed, wrong } from "./editor.ts";
import type { Account } from "./protocol.ts";
import { say } from "./words.ts";

// Draws the part of the options page where an account is added.

/** What the user does there. */
export interface Acts {
  happen(event: Event): void;
  /** Goes to an account of the vault. */
  show(account: Account): void;
  /** A picture was chosen. */
  chosen(file: Blob): void;
}

/** The ways in; drawn once, as what is typed there is kept nowhere else. */
export function ways({ happen, chosen }: Acts): HTMLElement[] {
  const file = keyed("file", document.createElement("input"));
  file.type = "file";
  file.accept = "image/*";
  file.addEventListener("change", () => {
    const [picture] = file.files ?? [];
    if (picture) chosen(picture);
    file.value = "";
  });
  const zone = make("label", "zone", file, make("b", "", say("options_choose")), make("span", "", say("options_drop")));
  const key = field(say("add_key"), "key", "", () => undefined);
  const input = key.querySelector("input");
  if (input) {
    input.maxLength = 8000;
    input.autocapitalize = "off";
  }
  const read = () => {
    if (!input?.value.trim()) return input?.focus();
    happen({ type: "typed", text: input.value });
    input.value = ""; // it is a secret
  };
  const form = formOf(read, make("div", "line", key, button(say("add_read"), read)));
  return [...text(say("add_link"), say("options_add_text")), zone, form];
}

/** What came of it. */
export function offers(model: Model, { happen, show }: Acts): HTMLElement[] {
  if (model.reading !== undefined && !model.offers && !model.trouble) return [make("p", "lead", say("add_reading"))];
  if (model.trouble) return [wrong(model.trouble)];
  if (!model.offers) return [];
  const open = model.offers.filter(({ offer, saved, ask }) => !offer.have && !saved && ask === undefined);
  const all = () => {
    for (const { offer } of open) happen({ type: "save", ticket: offer.ticket });
  };
  const heading = keyed("offers", make("h3", "", say("options_found", String(model.offers.length))));
  heading.tabIndex = -1;
  return [
    heading,
    model.others > 0 && make("p", "lead", say("offers_others", String(model.others))),
    ...lacking(model.parts),
    ...model.offers.map((each) => card(each, { happen, show })),
    open.length > 1 && make("div", "buttons", button(say("options_save_all"), all, "primary")),
  ].filter((each) => each !== false);
}

function card(offered: Offered, { happen, show }: Pick<Acts, "happen" | "show">): HTMLElement {
  const { offer, issuer, account, saved, ask, trouble } = offered;
  const { ticket } = offer;
  const kept = saved ?? offer.have;
  if (kept) {
    const go = keyed(
      `show ${ticket}`,
      button(say("options_show"), () => show(kept)),
    );
    const note = saved ? `✓ ${say("options_added")}` : say("options_have", fullTitle(kept));
    return make("div", "card", accountRow(kept, note, go));
  }
  const save = () => happen({ type: "save", ticket });
  const name = (which: "issuer" | "account") => (value: string) =>
    happen({ type: "name", ticket, field: which, value });
  const add = keyed(`save ${ticket}`, button(say("options_save"), save, "primary"));
  if (ask !== undefined) add.ariaDisabled = "true";
  const facts = [
    offer.type.toUpperCase(),
    `${say("options_digits")}: ${offer.digits}`,
    offer.period > 0 && `${say("options_period")}: ${say("options_seconds", String(offer.period))}`,
  ];
  return make(
    "div",
    "card",
    formOf(
      save,
      make(
        "div",
        "pair",
        field(say("offer_issuer"), `issuer ${ticket}`, issuer, name("issuer")),
        field(say("offer_account"), `account ${ticket}`, account, name("account")),
      ),
      make("div", "line", make("span", "lead", facts.filter(Boolean).join(" · ")), add),
      trouble && wrong(trouble),
    ),
  );
}
