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
    // Once in some hundreds a browser takes no key, or opens no popup: a wait that ran out is done again, and said
    // ("retry x1"). What was there and should not, is not: no attack has two chances.
    retry: { count: 1, condition: /^no .* after \d+ ms/ },
  },
});
