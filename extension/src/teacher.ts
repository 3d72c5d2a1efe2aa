import type { Answer } from "./answer.ts";
import type { SeenField } from "./messages.ts";
import type { Host } from "./native.ts";
import type { Page, Pages } from "./pages.ts";
import type { MarkAs, MarksResult } from "./protocol.ts";
import type { Visits } from "./visits.ts";

// The background's part in teaching: the host keeps what the user said of a
// site's fields, the pages of that site are told.

/** What one document has. */
export interface Seen {
  readonly page: Page;
  readonly fields: readonly SeenField[];
}

export interface Teacher {
  /** Tells a page, once, what the user taught of its site, by this host; whether there was anything. */
  tell(page: Page, by: Host): Promise<boolean>;
  /** Asks all documents that a tab shows what they have, and why it is taken for what. */
  why(tab: number): Promise<Seen[]>;
  /** Keeps what the user says of a field. */
  teach(page: Page, field: string, as: MarkAs): Promise<Answer<MarksResult>>;
  /** A page answers. */
  heard(page: Page, ask: number, fields: readonly SeenField[]): void;
}

/** How long a document has for an answer, in ms. */
const PATIENCE = 600;

export function makeTeacher(host: Host, pages: Pages, visits: Visits): Teacher {
  const asked = new Map<number, { page: Page; answered: (fields: readonly SeenField[]) => void }>();
  let last = 0;

  function ask(page: Page): Promise<Seen> {
    return new Promise((resolve) => {
      const number = ++last;
      const answered = (fields: readonly SeenField[]) => {
        clearTimeout(timer);
        asked.delete(number);
        resolve({ page, fields });
      };
      const timer = setTimeout(answered, PATIENCE, []);
      asked.set(number, { page, answered });
      page.send({ type: "why", ask: number });
    });
  }

  return {
    async tell(page, by) {
      if (page.taught) return false;
      page.taught = true;
      const context = await pages.context(page);
      const answer = context && (await by.call("site.marks", { context }));
      if (!answer?.ok) page.taught = false; // a locked vault may be open the next time
      if (!answer?.ok || answer.result.marks.length === 0 || !pages.has(page)) return false;
      page.send({ type: "marks", marks: answer.result.marks });
      return true;
    },
    async why(tab) {
      await pages.survey(tab);
      const shown = await pages.shown(tab);
      return Promise.all(shown.sort((a, b) => b.focused - a.focused || a.frame - b.frame).map(ask));
    },
    async teach(page, field, as) {
      const context = await pages.context(page);
      if (!context) return { ok: false, problem: "frame_refused" };
      const answer = await host.call("site.mark", { context, field, as });
      if (!answer.ok) return answer;
      const on = answer.result.marks.some((mark) => mark.as === "totp");
      await visits.taught(page.origin, on).catch(() => undefined);
      for (const each of await pages.shown(page.tab))
        if (each.origin === page.origin) each.send({ type: "marks", marks: answer.result.marks });
      return answer;
    },
    heard(page, number, fields) {
      const waiting = asked.get(number);
      if (waiting?.page === page) waiting.answered(fields);
    },
  };
}
