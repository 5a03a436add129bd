/**
 * The network of a test: cuts, freezes, delays and refuses what travels between clients and actors.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Struct from "effect/Struct"
import { ActorClient } from "../internal/actorClient.ts"
import type { ActorHost } from "../internal/actorHost.ts"
import * as InProcess from "../internal/inProcess.ts"
import type { Network } from "./Faults.ts"
import type { MemoryNetwork } from "./MemoryNetwork.ts"

export type {
  /**
   * One of the two ways of a link: the uplink carries what the client writes, the downlink what the server writes.
   *
   * @category models
   * @since 0.1.0
   */
  Direction,
  /**
   * The faults that a link and a whole network have in common.
   *
   * @category models
   * @since 0.1.0
   */
  Faults,
  /**
   * A live link: one socket of a client and its counterpart on the server.
   *
   * @category models
   * @since 0.1.0
   */
  Link,
  /**
   * A network whose links a test can count and hurt, all together or one by one.
   *
   * @category models
   * @since 0.1.0
   */
  Network
} from "./Faults.ts"

/**
 * An in-memory network between the clients and the actors of a test.
 *
 * **When to use**
 *
 * Use to test how an app behaves when its network does not: a cut in the middle of a conversation, a half-open path, a
 * slow reader, a server that refuses.
 *
 * **Details**
 *
 * All time is that of the `Clock`, so `TestClock` drives it. Without latency messages arrive as they are written, with
 * no time passing, and in order. Faults take effect at once.
 *
 * **Gotchas**
 *
 * `cut` does not keep clients away: they dial again as their policy says. Combine it with `refuse`, or `freeze`, to
 * keep them out until `heal`.
 *
 * @category services
 * @since 0.1.0
 */
export class TestNetwork extends Context.Service<TestNetwork, Network>()("effect-tether/testing/TestNetwork") {
  /**
   * Clients of the actors of a host in the same process, whose sockets run through the network.
   *
   * **Details**
   *
   * The network takes the `Clock` of the layer's build: inside `it.effect` and `layer` of `@effect/vitest` that is the
   * `TestClock`.
   */
  static readonly layer: Layer.Layer<TestNetwork | ActorClient, never, ActorHost> = Layer.effectContext(
    Effect.map(
      InProcess.make,
      ({ client, network }) => Context.make(TestNetwork, fromNetwork(network)).pipe(Context.add(ActorClient, client))
    )
  )
}

/**
 * The faults and counts of a network, without its way to dial and to accept.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromNetwork = (network: MemoryNetwork): TestNetwork["Service"] => Struct.omit(network, ["accept", "dial"])
