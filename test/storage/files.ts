/**
 * A folder for the files of one test.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/**
 * Makes an empty folder; it goes with its scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "storage-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)
