/** What the toolbar icon says of a page: how many accounts there are for its field, that the vault is locked, that another program answers as the host, that there is a reminder, or help with a code from elsewhere. */
export type Mark = number | "locked" | "host" | "reminder" | "help";

/** Marks the toolbar icon of a tab by what its pages have; told: the popup has something to tell of a new account. */
export function badge(tabId: number, marks: readonly Mark[], told: boolean): void {
  const most = Math.max(0, ...marks.filter((each) => typeof each === "number"));
  const text = told || marks.length > 0 ? sign(marks, most, told) : "";
  const ignore = () => undefined; // the tab may be gone
  chrome.action.setBadgeText({ tabId, text }).catch(ignore);
  chrome.action.setBadgeBackgroundColor({ tabId, color: told || most > 0 ? "#0f766e" : "#6b7280" }).catch(ignore);
  chrome.action.setBadgeTextColor({ tabId, color: "#ffffff" }).catch(ignore);
}

function sign(marks: readonly Mark[], most: number, told: boolean): string {
  if (told) return "+";
  if (most > 0) return most > 9 ? "9+" : String(most);
  if (marks.includes("locked")) return "•";
  return marks.includes("host") || marks.includes("reminder") ? "!" : "?";
}
