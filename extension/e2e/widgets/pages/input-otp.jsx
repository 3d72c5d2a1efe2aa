import { OTPInput } from "input-otp";
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { root, state } from "./page.mjs";

const drawn = { display: "inline-block", width: 36, height: 44, border: "1px solid gray" };

function Page() {
  const [value, setValue] = useState("");
  state(value);
  return (
    <OTPInput
      maxLength={6}
      value={value}
      onChange={setValue}
      render={({ slots }) =>
        slots.map(({ char }, i) => (
          <div key={i} style={drawn}>
            {char}
          </div>
        ))
      }
    />
  );
}

createRoot(root).render(<Page />);
