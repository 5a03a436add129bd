/**
 * How large a commit is.
 *
 * @since 0.1.0
 */
import type { Changes } from "../ActorStorage.ts"

/**
 * The text of a commit in UTF-16 code units, which for ASCII are bytes.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sizeOf = (changes: Changes): number => {
  let size = changes.state?.value.length ?? 0
  for (const record of changes.connections.values()) size += record?.length ?? 0
  for (const { reply } of changes.answered) size += reply.length
  for (const alarm of changes.alarms.values()) size += alarm?.payload.length ?? 0
  return size
}
