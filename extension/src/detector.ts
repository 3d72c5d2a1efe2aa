import type { Input } from "./editable.ts";
import { findFields } from "./find.ts";
import { shadowsIn } from "./shadows.ts";
import { shown } from "./shown.ts";

/** Each input of each field in this document and its open shadow trees, with what it takes. */
export function detect(): [Input, string][] {
  const found: [Input, string][] = [];
  const roots: (Document | ShadowRoot)[] = [document];
  for (const root of roots) {
    roots.push(...shadowsIn(root, true));
    for (const { inputs, kind } of findFields(root))
      if (inputs.every(shown)) for (const input of inputs) found.push([input, kind]);
  }
  return found;
}
