import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/setup/equality.ts"],
    globalSetup: ["test/setup/browser.ts"],
    reporters: ["default", "./test/setup/PlainSummary.ts"],
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
