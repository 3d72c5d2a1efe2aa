import Aura from "@primeuix/themes/aura";
import PrimeVue from "primevue/config";
import InputOtp from "primevue/inputotp";
import { createApp, h, ref } from "vue";
import { root, state } from "./page.mjs";

const value = ref("");
const update = (given) => {
  value.value = given;
  state(given);
};
createApp({
  render: () => h(InputOtp, { length: 6, integerOnly: true, modelValue: value.value, "onUpdate:modelValue": update }),
})
  .use(PrimeVue, { theme: { preset: Aura } })
  .mount(root);
