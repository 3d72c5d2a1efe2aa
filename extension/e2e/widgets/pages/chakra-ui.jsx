import { ChakraProvider, defaultSystem, PinInput } from "@chakra-ui/react";
import { createRoot } from "react-dom/client";
import { root, state } from "./page.mjs";

createRoot(root).render(
  <ChakraProvider value={defaultSystem}>
    <PinInput.Root otp count={6} onValueChange={({ valueAsString }) => state(valueAsString)}>
      <PinInput.HiddenInput />
      <PinInput.Control>
        {[0, 1, 2, 3, 4, 5].map((index) => (
          <PinInput.Input key={index} index={index} />
        ))}
      </PinInput.Control>
    </PinInput.Root>
  </ChakraProvider>,
);
