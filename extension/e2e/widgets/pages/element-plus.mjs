import { ElInputOtp } from "element-plus/es/components/input-otp/index.mjs";
import "element-plus/dist/index.css";
import { createApp, h, ref } from "vue";
import { root, state } from "./page.mjs";

const value = ref("");
const update = (given) => {
  value.value = given;
  state(given);
};
createApp({ render: () => h(ElInputOtp, { length: 6, modelValue: value.value, "onUpdate:modelValue": update }) }).mount(
  root,
);
