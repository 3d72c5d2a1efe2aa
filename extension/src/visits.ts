// At which sites visit.js runs: where the user taught a field that no page there
// gives away by itself, and where they want to be reminded. The host keeps what
// was taught and wished; the browser keeps the list of these sites, and forgets it
// when the extension is updated.

/** As much of the browser's registry of content scripts as is used. */
export interface Scripts {
  getRegisteredContentScripts(): Promise<{ id: string }[]>;
  registerContentScripts(scripts: chrome.scripting.RegisteredContentScript[]): Promise<void>;
  unregisterContentScripts(filter: { ids: string[] }): Promise<void>;
}

export interface Visits {
  /** Has a site's visits told of, or no longer. */
  taught(origin: string, on: boolean): Promise<void>;
  /** Has the visits of these hosts, and those below them, told of, and of no others for reminders. */
  remind(hosts: readonly string[]): Promise<void>;
  /** Has the visits of these sites told of, and of no others for what was taught there. */
  allTaught(origins: readonly string[]): Promise<void>;
}

const TAUGHT = "taught ";
const REMIND = "remind ";

export function makeVisits(scripts: Scripts): Visits {
  let last: Promise<unknown> = Promise.resolve();

  /** One change after the other: the list is read, then written. */
  function set(wanted: ReadonlyMap<string, string>, mine: (id: string) => boolean): Promise<void> {
    const next = last.then(() => write(wanted, mine));
    last = next.catch(() => undefined);
    return next;
  }

  async function write(wanted: ReadonlyMap<string, string>, mine: (id: string) => boolean): Promise<void> {
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
      return set(new Map(on ? [siteOf(origin)] : []), (each) => each === TAUGHT + origin);
    },
    remind(hosts) {
      const wanted = hosts.map((host) => [REMIND + host, `https://${hasBelow(host) ? "*." : ""}${host}/*`] as const);
      return set(new Map(wanted), (each) => each.startsWith(REMIND));
    },
    allTaught(origins) {
      return set(new Map(origins.map(siteOf)), (each) => each.startsWith(TAUGHT));
    },
  };
}

function siteOf(origin: string): [id: string, match: string] {
  const { protocol, hostname } = new URL(origin); // patterns have no port in Firefox
  return [TAUGHT + origin, `${protocol}//${hostname}/*`];
}

/** Whether a host can have others below it: a name, not an address. */
function hasBelow(host: string): boolean {
  return /\.[a-z][a-z0-9-]*$/i.test(host);
}
