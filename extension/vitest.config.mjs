import { defineConfig } from "vitest/config";
import { lexiconForTests } from "./lexicon.mjs";

export default defineConfig({ plugins: [lexiconForTests], test: { include: ["src/**/*.test.{ts,mjs}"] } });
