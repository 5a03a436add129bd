import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "test/**/*.test.tsx"],
    setupFiles: ["test/setup/equality.ts"],
    globalSetup: ["test/setup/browser.ts"],
    reporters: ["default", "./test/setup/PlainSummary.ts"],
    // Of tests that say that they are: those in a browser, which two cores must carry.
    maxConcurrency: 3,
    testTimeout: 15_000,
    hookTimeout: 15_000,
    typecheck: {
      enabled: true,
      checker: "tsc",
      include: ["test/typetest/**/*.test-d.ts"],
      tsconfig: "tsconfig.typetest.json"
    }
  }
})
