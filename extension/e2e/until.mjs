import { setTimeout as pause } from "node:timers/promises";

/**
 * Waits until a condition gives something that counts as true, and returns it.
 * An error that the condition throws counts as "not yet".
 * @template T
 * @param {string} what for the error, as in "no popup after 5000 ms"
 * @param {() => T | Promise<T>} condition
 * @param {number} [ms]
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, condition, ms = 8000) {
  const end = Date.now() + ms;
  for (let problem; ; await pause(20)) {
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      problem = error;
    }
    if (Date.now() > end) throw new Error(`no ${what} after ${ms} ms`, { cause: problem });
  }
}

/**
 * Watches a condition for a while and fails as soon as it is broken: for what
 * must not happen.
 * @param {string} what for the error
 * @param {number} ms
 * @param {() => boolean | Promise<boolean>} holds
 */
export async function hold(what, ms, holds) {
  for (const end = Date.now() + ms; Date.now() < end; await pause(50)) {
    if (!(await holds())) throw new Error(`${what}: no longer so`);
  }
}
