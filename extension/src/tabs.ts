import { type Part, pictureIn } from "./pictures.ts";

// What the background asks of the browser's tabs. Any of them may be gone by then.

export async function windowOf(tab: number): Promise<number | undefined> {
  return (await chrome.tabs.get(tab).catch(() => undefined))?.windowId;
}

/** Whether a tab is the one in view in its window. */
export async function isActive(tab: number): Promise<boolean> {
  return (await chrome.tabs.get(tab).catch(() => undefined))?.active ?? false;
}

/** Whether the popup opened. */
export function openPopup(windowId: number): Promise<boolean> {
  return chrome.action.openPopup({ windowId }).then(
    () => true,
    () => false,
  );
}

/** The picture of a tab in view, or of a part of it, as base64; undefined where there is none. */
export async function capture(tab: number, part?: Part): Promise<string | undefined> {
  const windowId = await windowOf(tab);
  if (windowId === undefined || !(await isActive(tab))) return undefined;
  const address = await chrome.tabs.captureVisibleTab(windowId, { format: "png" }).catch(() => "");
  return (await isActive(tab)) ? pictureIn(address, part) : undefined;
}

/** The origin that a frame shows, once its tab has loaded; undefined while it loads. */
export async function shows(tabId: number, frameId: number): Promise<string | undefined> {
  const [tab, frame] = await Promise.all([
    chrome.tabs.get(tabId).catch(() => undefined),
    chrome.webNavigation.getFrame({ tabId, frameId }).catch(() => null),
  ]);
  if (tab?.status === "loading") return undefined;
  return frame && URL.canParse(frame.url) ? new URL(frame.url).origin : "null";
}

/** Loads a script into a frame, and gives what its function does; nothing where the frame is closed to us. */
export async function runIn(tabId: number, frameId: number, file: string, func: () => unknown): Promise<unknown> {
  const target = { tabId, frameIds: [frameId] };
  try {
    await chrome.scripting.executeScript({ target, files: [file] });
    const [ran] = await chrome.scripting.executeScript({ target, func });
    return ran?.result;
  } catch {
    return undefined;
  }
}
