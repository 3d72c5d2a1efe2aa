document.addEventListener("focusin", () => {}, true);
new MutationObserver(() => {}).observe(document, { childList: true, subtree: true });
