import { defineConfig } from "vitest/config";

// Real browsers: two files at a time, in a process each. They wait more than they work.
export default defineConfig({
  cacheDir: "../../build/vitest",
  test: {
    root: import.meta.dirname,
    include: ["*.test.mjs"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
