import { useState } from "react";
import { createRoot } from "react-dom/client";
import OtpInput from "react-otp-input";
import { root, state } from "./page.mjs";

function Page() {
  const [value, setValue] = useState("");
  state(value);
  return <OtpInput value={value} onChange={setValue} numInputs={6} renderInput={(props) => <input {...props} />} />;
}

createRoot(root).render(<Page />);
