import { clearFrom } from "./clipboard.ts";

// The document through which Chromium's background reaches the clipboard.

chrome.runtime.onMessage.addListener((message, { tab }, reply) => {
  if (tab || typeof message?.clear !== "string") return; // of a page
  clearFrom(document, message.clear);
  reply(true);
});
