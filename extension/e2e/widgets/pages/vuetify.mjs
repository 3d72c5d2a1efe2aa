import { createApp, h, ref } from "vue";
import { createVuetify } from "vuetify";
import { VOtpInput } from "vuetify/components/VOtpInput";
import "vuetify/styles";
import { root, state } from "./page.mjs";

const value = ref("");
const update = (given) => {
  value.value = given;
  state(given);
};
createApp({ render: () => h(VOtpInput, { length: 6, modelValue: value.value, "onUpdate:modelValue": update }) })
  .use(createVuetify())
  .mount(root);
