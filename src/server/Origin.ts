/**
 * Which pages may connect. Browsers let every page open a WebSocket to every server, with that server's cookies, and
 * leave the decision to the server.
 *
 * @since 0.1.0
 */
import type { Headers } from "effect/http/Headers"

/**
 * A list of origins, `"same"` for the server's own, `"any"` for all.
 *
 * @category models
 * @since 0.1.0
 */
export type Origins = ReadonlyArray<string> | "same" | "any"

/**
 * Whether a request may become a socket. One without an origin does not come from a page.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAllowed = ({ host, origin }: Headers, origins: Origins): boolean => {
  if (origin === undefined || origins === "any") return true
  return origins === "same" ? hostOf(origin) === host?.toLowerCase() : origins.includes(origin)
}

/** Without the scheme, which a server behind a proxy does not know of itself. */
const hostOf = (origin: string): string | undefined => URL.parse(origin)?.host
