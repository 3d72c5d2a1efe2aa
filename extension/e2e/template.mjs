// The vault that all test files start from a copy of, made once in a run: a new one costs seconds of scrypt.

import { makeVault } from "./vault.mjs";

/** @param {import("vitest/node").TestProject} project */
export default async function template(project) {
  const { home, env, remove } = await makeVault();
  /** @type {any} */ (project).provide("template", { home, env });
  return remove;
}
