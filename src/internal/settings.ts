/**
 * How options are read from a `ConfigProvider`: what is not set stays `undefined` and takes its default later.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/**
 * A config that may be missing.
 *
 * @category combinators
 * @since 0.1.0
 */
export const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.map(Config.option(config), Option.getOrUndefined)

/**
 * A length of time, such as `30 seconds`, that may be missing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const duration = (name: string): Config.Config<Duration.Duration | undefined> => optional(Config.Duration(name))

/**
 * A number of things or bytes, at least 0, that may be missing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const count = (name: string): Config.Config<number | undefined> =>
  optional(Config.schema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)), name))
