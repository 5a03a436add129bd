/**
 * What a client waits for and holds, with the defaults filled in.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Schedule from "effect/Schedule"
import type { ConnectOptions } from "../Client.ts"
import type { Events } from "../Connection.ts"
import * as Reconnect from "../Reconnect.ts"

/**
 * The options of `connect` that an app may set once for all its clients.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectDefaults = Omit<ConnectOptions<Events>, "subscribe">

/**
 * The options of a client with their defaults filled in.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientSettings {
  readonly reconnect: Schedule.Schedule<unknown, Reconnect.Lost>
  readonly queueCapacity: number
  readonly onQueueFull: "suspend" | "fail"
  readonly eventCapacity: number
  readonly openTimeout: Duration.Input
  readonly handshakeTimeout: Duration.Input
  readonly paramsTimeout: Duration.Input
  readonly maxMessageBytes: number
}

/**
 * The value of each option that nobody sets.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: ClientSettings = {
  reconnect: Reconnect.policy,
  queueCapacity: 1_024,
  onQueueFull: "suspend",
  eventCapacity: 1_024,
  openTimeout: "10 seconds",
  handshakeTimeout: "25 seconds",
  paramsTimeout: "10 seconds",
  maxMessageBytes: 16_777_216
}

/**
 * What the app has set for all its clients; `ActorClient.layerDefaults` provides it.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentDefaults = Context.Reference<ConnectDefaults>(
  "effect-tether/client/ClientSettings/CurrentDefaults",
  {
    defaultValue: () => ({})
  }
)

/**
 * Fills in what a client was not told: first what the app has set for all, then the defaults.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: ConnectDefaults, context: Context.Context<never>): ClientSettings => {
  const forAll = Context.get(context, CurrentDefaults)
  const settings: { -readonly [K in keyof ClientSettings]: unknown } = { ...defaults }
  for (const name of Object.keys(defaults) as Array<keyof ClientSettings>) {
    settings[name] = options[name] ?? forAll[name] ?? defaults[name]
  }
  return settings as ClientSettings
}
