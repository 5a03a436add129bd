import type { SerializedError } from "vitest"
import type { Reporter, TestModule } from "vitest/node"

/**
 * Ends the run with one plain line, `12 passed, 0 failed`. Type tests count as tests; a file that does not load and an
 * error outside of every test count as failed. A run in which no test ran fails.
 */
export default class PlainSummary implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandled: ReadonlyArray<SerializedError>): void {
    const count = { passed: 0, failed: unhandled.length, skipped: 0 }
    for (const module of modules) {
      count.failed += module.errors().length
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length
      for (const test of module.children.allTests()) count[outcome(test.result().state)] += 1
    }
    if (count.passed + count.failed === 0) process.exitCode = 1
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ""
    process.stdout.write(`${count.passed} passed, ${count.failed} failed${skipped}\n`)
  }
}

const outcome = (state: "passed" | "failed" | "skipped" | "pending") => state === "pending" ? "skipped" : state
