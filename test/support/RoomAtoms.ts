/**
 * The atoms of a room's clients, on an in-memory network under the clock of the test.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer, Schedule, Scope } from "effect"
import { AtomRegistry } from "effect/reactivity"
import type { ActorClient } from "../../src/ActorClient.ts"
import * as ActorHost from "../../src/ActorHost.ts"
import * as ActorAtom from "../../src/reactivity/ActorAtom.ts"
import { TestNetwork } from "../../src/testing/TestNetwork.ts"
import * as Rooms from "./Rooms.ts"

/**
 * Rooms, host, clients and network of one test.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = TestNetwork.layer.pipe(
  Layer.provideMerge(Rooms.layerWith({ maxIdleTime: "1 hour" })),
  Layer.provideMerge(ActorHost.layerLocal())
)

/**
 * The services of the test as a layer, its clock among them: clients that are made by it live in the test's time.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerOfTest = Effect.map(
  Effect.context<ActorClient>(),
  (context) => Layer.succeedContext(Context.omit(Scope.Scope)(context) as Context.Context<ActorClient>)
)

/**
 * How `make` connects.
 *
 * @category models
 * @since 0.1.0
 */
export type Options = Partial<Omit<NonNullable<Parameters<typeof Rooms.Room.connect>[1]>, "params">> & {
  readonly name?: string
}

/**
 * Makes the atoms of a client of the room `lobby`, which dials again a second after each loss.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*({ name = "ada", ...options }: Options = {}) {
  const layer = yield* layerOfTest
  return ActorAtom.make(Rooms.Room, "lobby", {
    layer,
    connect: { reconnect: Schedule.spaced("1 second"), ...options, params: { name, level: 3 } }
  })
})

/**
 * A registry that is disposed of at the end of the test.
 *
 * @category constructors
 * @since 0.1.0
 */
export const registry = (options?: Parameters<typeof AtomRegistry.make>[0]) =>
  Effect.acquireRelease(
    Effect.sync(() => AtomRegistry.make(options)),
    (registry) => Effect.sync(() => registry.dispose())
  )
