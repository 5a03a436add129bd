/**
 * Actors and the connections of their clients.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as Actor from "./Actor.ts"

/**
 * @since 0.1.0
 */
export * as ActorClient from "./ActorClient.ts"

/**
 * @since 0.1.0
 */
export * as ActorHost from "./ActorHost.ts"

/**
 * @since 0.1.0
 */
export * as ActorServer from "./ActorServer.ts"

/**
 * @since 0.1.0
 */
export * as ActorState from "./ActorState.ts"

/**
 * @since 0.1.0
 */
export * as ActorStorage from "./ActorStorage.ts"

/**
 * @since 0.1.0
 */
export * as Alarms from "./Alarms.ts"

/**
 * @since 0.1.0
 */
export * as BrowserClient from "./BrowserClient.ts"

/**
 * @since 0.1.0
 */
export * as CallError from "./CallError.ts"

/**
 * @since 0.1.0
 */
export * as Client from "./Client.ts"

/**
 * @since 0.1.0
 */
export * as Connection from "./Connection.ts"

/**
 * @since 0.1.0
 */
export * as ConnectionError from "./ConnectionError.ts"

/**
 * @since 0.1.0
 */
export * as ConnectionStatus from "./ConnectionStatus.ts"

/**
 * @since 0.1.0
 */
export * as Connections from "./Connections.ts"

/**
 * @since 0.1.0
 */
export * as Delivery from "./Delivery.ts"

/**
 * @since 0.1.0
 */
export * as DisconnectReason from "./DisconnectReason.ts"

/**
 * @since 0.1.0
 */
export * as Inspector from "./Inspector.ts"

/**
 * @since 0.1.0
 */
export * as LifecycleHooks from "./LifecycleHooks.ts"

/**
 * @since 0.1.0
 */
export * as Metrics from "./Metrics.ts"

/**
 * @since 0.1.0
 */
export * as PlatformSignals from "./PlatformSignals.ts"

/**
 * @since 0.1.0
 */
export * as Reconnect from "./Reconnect.ts"
