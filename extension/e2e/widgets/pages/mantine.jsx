import { MantineProvider, PinInput } from "@mantine/core";
import "@mantine/core/styles.css";
import { createRoot } from "react-dom/client";
import { root, state } from "./page.mjs";

createRoot(root).render(
  <MantineProvider>
    <PinInput length={6} type="number" oneTimeCode onChange={state} />
  </MantineProvider>,
);
