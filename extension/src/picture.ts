import { button, make, text } from "./draw.ts";
import { PICTURE_PORT, type Problem } from "./messages.ts";
import { pictureOf } from "./pictures.ts";
import { say } from "./words.ts";

// A page in a tab where the user gives a picture of a QR code: a popup ends where
// the browser's dialog for files begins. What was read is told by the popup over
// the tab that the user came from.

const tab = Number(new URLSearchParams(location.search).get("tab"));
const main = document.querySelector("main");

function draw(...first: Node[]): void {
  const choose = document.createElement("input");
  choose.type = "file";
  choose.accept = "image/*";
  choose.hidden = true;
  choose.addEventListener("change", () => void give(choose.files?.[0]));
  const press = button(say("add_file"), () => choose.click(), "primary");
  const heading = first.length > 0 ? first : text(say("picture_title"), say("picture_text"));
  main?.replaceChildren(...heading, choose, make("div", "buttons", press));
  press.focus();
}

function wrong(problem: Problem): void {
  draw(...text(say(`problem_${problem}_title`), say(`problem_${problem}_text`)));
}

async function give(file: File | undefined): Promise<void> {
  if (!file) return;
  main?.replaceChildren(make("p", "lead", say("add_reading")));
  const picture = await pictureOf(file);
  if (!picture) return wrong("picture_refused");
  const port = chrome.runtime.connect({ name: PICTURE_PORT });
  port.onDisconnect.addListener(() => wrong("host_crashed"));
  port.onMessage.addListener((answer: { ok: true } | { problem: Problem }) => {
    if ("problem" in answer) return wrong(answer.problem);
    main?.replaceChildren(make("h2", "", `✓ ${say("picture_done")}`));
    window.close(); // the popup opens over the page
  });
  port.postMessage({ tab, picture });
}

if (window.top === window) {
  document.documentElement.lang = chrome.i18n.getUILanguage();
  document.title = `Codefob: ${say("picture_title")}`;
  document.addEventListener("paste", ({ clipboardData }) => void give(clipboardData?.files[0]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    void give(event.dataTransfer?.files[0]);
  });
  draw();
}
