import { defineConfig } from "vitest/config";

// Real browsers: one file after the other, in one process each. Two at a time make keys and clicks come late.
export default defineConfig({
  cacheDir: "../../build/vitest",
  test: {
    root: import.meta.dirname,
    include: ["*.test.mjs"],
    globalSetup: "template.mjs",
    pool: "forks",
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
