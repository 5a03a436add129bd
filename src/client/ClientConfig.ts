/**
 * The options of clients as `Config`.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import type * as Schedule from "effect/Schedule"
import { count, duration, optional } from "../internal/settings.ts"
import * as Reconnect from "../Reconnect.ts"
import type { ConnectDefaults } from "./ClientSettings.ts"

/** The default schedule with other numbers; `undefined` where none was given. */
const toSchedule = (
  given: { readonly [K in keyof typeof Reconnect.defaults]: Duration.Duration | undefined }
): Schedule.Schedule<unknown, Reconnect.Lost> | undefined => {
  if (Object.values(given).every((value) => value === undefined)) return undefined
  const { base, cap, floor, resetAfter } = Reconnect.defaults
  return Reconnect.resetAfter(
    Reconnect.fullJitter({ floor: given.floor ?? floor, base: given.base ?? base, cap: given.cap ?? cap }),
    given.resetAfter ?? resetAfter
  )
}

const reconnect = Config.all({
  floor: duration("floor"),
  base: duration("base"),
  cap: duration("cap"),
  resetAfter: duration("resetAfter")
}).pipe(Config.nested("reconnect"), Config.map(toSchedule))

/**
 * Every option that clients may share, under `tether.client`; what is not set has its default.
 *
 * @category configuration
 * @since 0.1.0
 */
export const config: Config.Config<ConnectDefaults> = Config.all(
  {
    reconnect,
    queueCapacity: count("queueCapacity"),
    onQueueFull: optional(Config.Literals(["suspend", "fail"], "onQueueFull")),
    eventCapacity: count("eventCapacity"),
    openTimeout: duration("openTimeout"),
    handshakeTimeout: duration("handshakeTimeout"),
    paramsTimeout: duration("paramsTimeout"),
    maxMessageBytes: count("maxMessageBytes")
  } satisfies { readonly [K in keyof Required<ConnectDefaults>]: Config.Config<ConnectDefaults[K]> }
).pipe(Config.nested("client"), Config.nested("tether"))
