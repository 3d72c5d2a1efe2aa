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
      const grown = Math.max(0, Math.floor((at - old.at) / span));
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
