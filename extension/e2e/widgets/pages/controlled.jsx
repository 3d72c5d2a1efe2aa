import { useState } from "react";
import { createRoot } from "react-dom/client";
import { root, state } from "./page.mjs";

/** Takes nothing but a value that React sees change. */
function Page() {
  const [value, setValue] = useState("");
  state(value);
  const refuse = (event) => event.preventDefault();
  return (
    <label>
      Code
      <input
        value={value}
        autoComplete="one-time-code"
        onPaste={refuse}
        onKeyDown={(event) => event.isTrusted || refuse(event)}
        onChange={({ target }) => /^\d{0,6}$/.test(target.value) && setValue(target.value)}
      />
    </label>
  );
}

createRoot(root).render(<Page />);
