/** Lets one act a key through in every span. */
export interface Throttle {
  /** Whether the act may happen now; counts it if so. */
  pass(key: number): boolean;
  forget(key: number): void;
}

/** A throttle of one act per key and span (ms); now is the clock, in ms. */
export function throttle(span: number, now: () => number): Throttle {
  return bucket(1, span, now);
}

/** A throttle of burst acts at once per key, and one more each span (ms) after that. */
export function bucket(burst: number, span: number, now: () => number): Throttle {
  const keys = new Map<number, { left: number; at: number }>();
  return {
    pass(key) {
      const at = now();
      const old = keys.get(key) ?? { left: burst, at };
      old.at = Math.min(old.at, at); // a clock that was set back grants nothing, and holds nothing up for longer
      const grown = Math.floor((at - old.at) / span);
      const left = Math.min(burst, old.left + grown);
      const since = left === burst ? at : old.at + grown * span;
      if (left < 1) return false;
      keys.set(key, { left: left - 1, at: since });
      return true;
    },
    forget(key) {
      keys.delete(key);
    },
  };
}

/** A look at something that changes: at once after a rest, and no more often than its cost allows. */
export interface Pace {
  /** Has it look soon; at once, if it may, where what it is to find has most likely come. */
  soon(urgent?: boolean): void;
  now(): void;
  stop(): void;
}

const NEVER = Number.POSITIVE_INFINITY;
/** From one look to an urgent one, in ms. */
const LEAST = 50;

/**
 * Paces a look. It takes about this share of the time at most; what it did not
 * take up to now, but no more than burst (ms), it may take at once. The longest
 * time between two (ms) bounds what one costs that was held up by others.
 */
export function pace(look: () => void, share: number, burst: number, longest: number): Pace {
  let credit = burst;
  let last = -NEVER;
  let due = NEVER;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function now() {
    stop();
    const start = performance.now();
    credit = Math.min(burst, credit + (start - last) * share);
    last = start;
    look();
    last = performance.now();
    credit -= last - start;
  }
  function stop() {
    clearTimeout(timer);
    due = NEVER;
  }
  return {
    soon(urgent = false) {
      if (!urgent && due < NEVER) return;
      const at = last + (urgent ? LEAST : Math.min(longest, Math.max(LEAST, -credit / share)));
      if (at >= due) return;
      const wait = at - performance.now();
      if (urgent && wait <= 0) return now();
      clearTimeout(timer);
      due = at;
      timer = setTimeout(now, Math.max(0, wait));
    },
    now,
    stop,
  };
}
