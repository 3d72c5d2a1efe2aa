// At which sites visit.js runs: where the user taught a field that no page there
// gives away by itself, and where they want to be reminded. The browser keeps
// that list; what was taught and wished is kept by the host.

/** As much of the browser's registry of content scripts as is used. */
export interface Scripts {
  getRegisteredContentScripts(): Promise<{ id: string }[]>;
  registerContentScripts(scripts: chrome.scripting.RegisteredContentScript[]): Promise<void>;
  unregisterContentScripts(filter: { ids: string[] }): Promise<void>;
}

export interface Visits {
  /** Has a site's visits told of, or no longer. */
  taught(origin: string, on: boolean): Promise<void>;
  /** Has the visits of these hosts told of, and of no others for reminders. */
  remind(hosts: readonly string[]): Promise<void>;
}

const TAUGHT = "taught ";
const REMIND = "remind ";

export function makeVisits(scripts: Scripts): Visits {
  async function set(wanted: ReadonlyMap<string, string>, mine: (id: string) => boolean): Promise<void> {
    const there = (await scripts.getRegisteredContentScripts()).map(({ id }) => id).filter(mine);
    const gone = there.filter((id) => !wanted.has(id));
    const added = [...wanted].filter(([id]) => !there.includes(id));
    if (gone.length > 0) await scripts.unregisterContentScripts({ ids: gone });
    // One by one: a host that the browser's patterns cannot express keeps no other out.
    for (const [id, match] of added)
      await scripts
        .registerContentScripts([{ id, matches: [match], js: ["visit.js"], allFrames: true, runAt: "document_idle" }])
        .catch(() => undefined);
  }

  return {
    taught(origin, on) {
      const id = TAUGHT + origin;
      const { protocol, hostname } = new URL(origin); // patterns have no port in Firefox
      return set(new Map(on ? [[id, `${protocol}//${hostname}/*`]] : []), (each) => each === id);
    },
    remind(hosts) {
      const wanted = new Map(hosts.map((host) => [REMIND + host, `https://${host}/*`]));
      return set(wanted, (each) => each.startsWith(REMIND));
    },
  };
}
