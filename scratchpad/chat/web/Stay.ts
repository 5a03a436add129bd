/**
 * The atoms of the page: one's pass, the rooms, and one stay in a room.
 */
import { Effect, Layer, Redacted } from "effect"
import { AsyncResult, Atom } from "effect/reactivity"
import * as ActorClient from "../../../src/ActorClient.ts"
import * as BrowserClient from "../../../src/BrowserClient.ts"
import * as ActorAtom from "../../../src/reactivity/ActorAtom.ts"
import { key, type RoomInfo, RoomList } from "../RoomList.ts"
import { type Condition, Network } from "./Network.ts"
import type { Draft } from "./View.ts"
import * as View from "./View.ts"
import { type Pass, Visit } from "./Visit.ts"
import * as Visits from "./Visit.ts"

const network = new Network()

/** What `BrowserClient.layer` is, with the network that can be cut in the place of the browser's own. */
const ClientLayer = ActorClient.layerWebSocket({
  url: Effect.sync(() => new URL("/actors", location.href).href.replace(/^http/, "ws"))
}).pipe(Layer.provide([network.layer, BrowserClient.layerSignals]))

/** The state of the page's network, to be read and set. */
export const condition: Atom.Writable<Condition> = Atom.writable(
  (): Condition => network.condition,
  (context, condition) => {
    network.change(condition)
    // As a browser does when the network comes back.
    if (condition === "open") dispatchEvent(new Event("online"))
    context.setSelf(condition)
  }
)

/** All rooms, as long as somebody looks. */
export const makeRooms = ({ token }: Pass): Atom.Atom<ReadonlyArray<RoomInfo>> =>
  ActorAtom.make(RoomList, key, {
    layer: ClientLayer,
    connect: { params: { authToken: Redacted.make(token, { label: "token" }) }, subscribe: ["rooms"] }
  }).fold({
    initial: noRooms,
    on: { rooms: (_, { rooms }) => rooms }
  }).pipe(Atom.map(AsyncResult.getOrElse(() => noRooms)))

const noRooms: ReadonlyArray<RoomInfo> = []

/** What one stay is made of; the room is entered with the first use and left after the last. */
export const make = (room: string, pass: Pass) => {
  const runtime = Atom.runtime(Layer.provide(Visits.layer(room, pass), ClientLayer))
  const view = runtime.subscriptionRef(Effect.map(Visit, ({ view }) => view))
  const status = runtime.subscriptionRef(Effect.map(Visit, ({ room }) => room.status))
  return {
    room,
    pass,
    view: Atom.map(view, (result) => AsyncResult.isSuccess(result) ? result.value : nothing),
    status: Atom.map(status, (result) => AsyncResult.isSuccess(result) ? result.value : undefined),
    say: runtime.fn(({ text, to }: { readonly text: string; readonly to: string | undefined }) =>
      Visit.use((visit) => visit.say(text, to))
    ),
    sayAgain: runtime.fn((draft: Draft) => Visit.use((visit) => visit.sayAgain(draft))),
    takeBack: runtime.fn((draft: Draft) => Visit.use((visit) => visit.takeBack(draft))),
    kick: runtime.fn((kick: { readonly name: string; readonly reason: string }) =>
      Visit.use((visit) => visit.room.rpc.kick(kick))
    )
  }
}

const nothing = View.empty([])

export type Stay = ReturnType<typeof make>
