import { defineCustomElement } from "@ionic/core/components/ion-input-otp.js";
import "@ionic/core/css/core.css";
import { root, state } from "./page.mjs";

defineCustomElement();
root.innerHTML = `<ion-input-otp length="6"></ion-input-otp>`;
root.addEventListener("ionInput", ({ detail }) => state(detail.value ?? ""));
