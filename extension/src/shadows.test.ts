// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeTrees, type Trees } from "./shadows.ts";

let entered: ShadowRoot[];
let trees: Trees;
beforeEach(() => {
  vi.useFakeTimers();
  entered = [];
  trees = makeTrees((root) => entered.push(root));
});
afterEach(() => {
  trees.stop();
  vi.useRealTimers();
});

/** Puts an element with this name into a tree. */
function put(name: string, into: ParentNode = document.body): Element {
  const element = document.createElement(name);
  into.append(element);
  return element;
}
const open = (element: Element) => element.attachShadow({ mode: "open" });

test("a walk takes in shadow trees in shadow trees", () => {
  const outer = open(put("x-outer"));
  const inner = open(put("x-inner", outer));
  trees.walk();
  expect(entered).toEqual([outer, inner]);
  expect([...trees.roots]).toEqual([document, outer, inner]);
});

test("an element is given its shadow tree after the walk", () => {
  const element = put("x-late");
  trees.walk();
  const root = open(element);
  expect(entered).not.toContain(root);
  vi.advanceTimersByTime(100);
  expect(entered).toContain(root);
});

test("looking for late ones ends", () => {
  put("x-never");
  trees.walk();
  vi.advanceTimersByTime(60_000);
  expect(vi.getTimerCount()).toBe(0);
});

test("what came is searched without the rest of the page", () => {
  const root = open(put("x-new"));
  trees.search(root.host);
  expect(entered).toEqual([root]);
});

test("a shadow tree that went is forgotten, and taken in again when it comes back", () => {
  const { host } = open(put("x-gone"));
  trees.walk();
  host.remove();
  trees.walk();
  expect([...trees.roots]).not.toContain(host.shadowRoot);
  document.body.append(host);
  trees.walk();
  expect([...trees.roots]).toContain(host.shadowRoot);
});
