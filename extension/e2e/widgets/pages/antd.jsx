import { Input } from "antd";
import { createRoot } from "react-dom/client";
import { root, state } from "./page.mjs";

createRoot(root).render(<Input.OTP length={6} onInput={(cells) => state(cells.join(""))} />);
