/// <reference types="node" />
/**
 * Secrets that cannot be guessed: ids of connections, and the tokens by which
 * a client shows that a session is its own.
 *
 * @since 0.1.0
 */
import { WebCrypto } from "effect/crypto/WebCrypto"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"

/**
 * Makes a secret of 144 random bits.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<string> = WebCrypto.use((crypto) =>
  Effect.sync(() => Base64Url.encode(crypto.getRandomValues(new Uint8Array(18))))
)

/**
 * Hashes a secret by SHA-256.
 *
 * **Details**
 *
 * At once where the platform has the module `crypto` of Node. Elsewhere by WebCrypto, which takes a time that a test clock
 * does not know of.
 *
 * @category combinators
 * @since 0.1.0
 */
export const hash = (secret: string): Effect.Effect<string> =>
  Effect.suspend(() => {
    // Asked for and not imported, so that a host can be bundled for a browser.
    const node = globalThis.process?.getBuiltinModule?.("node:crypto")
    return node === undefined
      ? digest(secret)
      : Effect.succeed(node.createHash("sha256").update(secret).digest("base64url"))
  })

const digest = (secret: string): Effect.Effect<string> =>
  WebCrypto.use((crypto) => Effect.promise(() => crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret))))
    .pipe(Effect.map((digest) => Base64Url.encode(new Uint8Array(digest))))

/**
 * Compares two secrets in a time that depends on their length only.
 *
 * @category comparisons
 * @since 0.1.0
 */
export const equals = (expected: string, actual: string): boolean => {
  let difference = expected.length ^ actual.length
  for (let i = 0; i < expected.length; i++) {
    difference |= expected.charCodeAt(i) ^ actual.charCodeAt(i)
  }
  return difference === 0
}
