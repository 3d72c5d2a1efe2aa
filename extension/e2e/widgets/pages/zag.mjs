import { connect, machine } from "@zag-js/pin-input";
import { normalizeProps, spreadProps, VanillaMachine } from "@zag-js/vanilla";
import { root, state } from "./page.mjs";

root.innerHTML = `<div><label>Code</label><div>${"<input>".repeat(6)}</div></div>`;
const [outer, label] = root.querySelectorAll("div, label");
const inputs = [...root.querySelectorAll("input")];

const pins = new VanillaMachine(machine, {
  id: "pin",
  otp: true,
  count: inputs.length,
  onValueChange: ({ valueAsString }) => state(valueAsString),
});

function render() {
  const api = connect(pins.service, normalizeProps);
  spreadProps(outer, api.getRootProps());
  spreadProps(label, api.getLabelProps());
  for (const [index, input] of inputs.entries()) spreadProps(input, api.getInputProps({ index }));
}

pins.start();
render();
pins.subscribe(render);
