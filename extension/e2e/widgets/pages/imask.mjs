import IMask from "imask";
import { root, state } from "./page.mjs";

root.innerHTML = `<label>Code <input name="code" autocomplete="one-time-code"></label>`;
const mask = IMask(root.querySelector("input"), { mask: "000 000", lazy: false });
mask.on("accept", () => state(mask.unmaskedValue));
