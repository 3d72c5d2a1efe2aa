import { expect, test } from "vitest";
import { fieldValue, fillByPopup, inBrowsers } from "./harness.mjs";
import { armed, says } from "./popup.mjs";
import { hold, until } from "./until.mjs";

const frame = (/** @type {string} */ src, /** @type {string} */ sandbox = "") =>
  `/frame?src=${encodeURIComponent(src)}${sandbox && `&sandbox=${encodeURIComponent(sandbox)}`}`;

inBrowsers(
  "frames",
  {
    ada: { sites: ["login.frames.example"] },
    bella: { sites: ["login.other.example"] },
    carol: { sites: ["sandbox.example"] },
  },
  (world) => {
    /** The frame inside the page, with its field. @param {string} url */
    async function openFramed(url) {
      const page = await world.open(url);
      return until("field in the frame", async () => {
        const inner = page.frames()[1];
        return (await inner?.$("#code")) && inner;
      });
    }

    test("a frame of the same site is filled, and its server accepts the code", async () => {
      const { browser, site } = world;
      const src = "https://login.frames.example/code/one?user=ada";
      const inner = await openFramed(`https://www.frames.example${frame(src)}`);
      await fillByPopup(browser);
      await until("code in the field", () => fieldValue(inner));
      await inner.$eval("form", (form) => form.requestSubmit());
      await until("attempt at the server", () => site.attempts.find(({ user }) => user === "ada"));
      expect(site.attempts.at(-1)).toMatchObject({ user: "ada", accepted: true });
    });

    test("a frame in a page of another site is refused", async () => {
      const { browser } = world;
      const src = "https://login.other.example/code/one?user=bella";
      const inner = await openFramed(`https://evil.example${frame(src)}`);
      await browser.clickIcon();
      const popup = await browser.popup();
      await says(popup, "in a frame of another site");
      expect(await armed(popup, "Fill")).toBe(false);
      await popup.press("Enter");
      await hold("empty field", 1000, async () => (await fieldValue(inner)) === "");
    });

    test("a sandboxed frame is refused, though its address is that of a bound host", async () => {
      const { browser } = world;
      const src = "https://sandbox.example/code/one?user=carol";
      const inner = await openFramed(`https://sandbox.example${frame(src, "allow-scripts allow-forms")}`);
      expect(await inner.evaluate(() => self.origin)).toBe("null");
      await browser.clickIcon();
      const popup = await browser.popup();
      await says(popup, "No field for a code was found");
      expect(await armed(popup, "Fill")).toBe(false);
      await popup.press("Enter");
      await hold("empty field", 1000, async () => (await fieldValue(inner)) === "");
    });
  },
);
