import { MuiOtpInput } from "mui-one-time-password-input";
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { root, state } from "./page.mjs";

function Page() {
  const [value, setValue] = useState("");
  state(value);
  return <MuiOtpInput length={6} value={value} onChange={setValue} />;
}

createRoot(root).render(<Page />);
