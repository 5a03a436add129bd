/**
 * The server is killed with SIGKILL, again and again, while many clients call many actors.
 */
import { NodeServices, NodeWS } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import {
  Deferred,
  Effect,
  Fiber,
  FileSystem,
  Layer,
  Option,
  Path,
  Random,
  Schedule,
  Stream,
  SubscriptionRef
} from "effect"
import { ChildProcess } from "effect/process"
import { fileURLToPath } from "node:url"
import * as Ports from "../../scratchpad/Ports.ts"
import * as ActorClient from "../../src/ActorClient.ts"
import { Ledger } from "../support/Book.ts"

const program = fileURLToPath(new URL("../support/BookServer.ts", import.meta.url))

const books = 4
const clientsPerBook = 4
const kills = 24
/** Calls that a client has under way at a time. */
const atOnce = 3

/** Starts the server and waits until it serves; it is killed when the scope closes. */
const serve = Effect.fnUntraced(function*(file: string, port: number) {
  const handle = yield* ChildProcess.make(process.execPath, [program, file, String(port)], {
    extendEnv: true,
    killSignal: "SIGKILL"
  })
  const open = yield* Deferred.make<void>()
  const output: Array<string> = []
  yield* Stream.decodeText(handle.all).pipe(
    Stream.splitLines,
    Stream.runForEach((line) => {
      output.push(line)
      return line === "open" ? Deferred.succeed(open, undefined) : Effect.void
    }),
    Effect.andThen(Deferred.die(open, new Error(`the server ended:\n${output.join("\n")}`))),
    Effect.forkScoped
  )
  yield* Deferred.await(open)
  return output
})

interface Client {
  readonly name: string
  readonly book: string
  readonly handle: Effect.Success<ReturnType<typeof join>>
  readonly answers: Map<string, number>
  readonly ids: Set<string>
  readonly heard: Array<string>
  gaps: number
}

const join = (name: string, book: string) =>
  Ledger.connect(book, { params: { name }, subscribe: ["added"], reconnect: Schedule.spaced("30 millis") })

const arrive = Effect.fnUntraced(function*(book: string, index: number) {
  const name = `${book}-${index}`
  const handle = yield* join(name, book)
  const client: Client = { name, book, handle, answers: new Map(), ids: new Set(), heard: [], gaps: 0 }
  yield* Effect.forkScoped(Stream.runForEach(SubscriptionRef.changes(handle.status), (status) =>
    Effect.sync(() => {
      if (status._tag === "Connected") client.ids.add(status.id)
    })))
  yield* Effect.forkScoped(Stream.runForEach(handle.gaps, () => Effect.sync(() => client.gaps++)))
  yield* Effect.forkScoped(
    Stream.runForEach(handle.events.added, ({ entry }) => Effect.sync(() => client.heard.push(entry)))
  )
  return client
})

/** Calls without pause until told to stop; every call has to be answered. */
const work = (client: Client, isOver: () => boolean, onAnswer: Effect.Effect<void>) => {
  let made = 0
  const one = Effect.suspend(() => {
    const entry = `${client.name}/${++made}`
    return client.handle.rpc.add({ entry }).pipe(
      Effect.tap((place) => {
        client.answers.set(entry, place)
        return onAnswer
      })
    )
  })
  const line = Effect.repeat(one, { while: () => !isOver() })
  return Effect.all(Array.from({ length: atOnce }, () => line), { concurrency: "unbounded", discard: true })
}

const checkClient = (client: Client, entries: ReadonlyArray<string>) => {
  const { answers, gaps, heard, ids, name } = client
  const places = new Map(entries.map((entry, place) => [entry, place + 1]))
  assert.strictEqual(places.size, entries.length, "no entry is there twice")
  for (const [entry, place] of answers) {
    assert.strictEqual(places.get(entry), place, `${entry} is where its answer says`)
  }
  const own = entries.filter((entry) => entry.startsWith(`${name}/`))
  assert.strictEqual(own.length, answers.size, `every call of ${name} that ran was answered`)
  assert.strictEqual(ids.size, 1, `${name} has had one connection`)
  assert.strictEqual(entries.filter((entry) => entry === `+${name}`).length, 1, "onConnect has run once")
  assert.isAtLeast(gaps, 1, "each new life of the actor is announced")
  assert.isAtMost(gaps, kills)
  assert.isTrue(heard.every((entry) => places.has(entry)), "nobody has heard of what was not stored")
  assert.isTrue(
    heard.every((entry, i) => i === 0 || places.get(entry)! > places.get(heard[i - 1]!)!),
    "events in order"
  )
}

const scenario = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* fs.makeTempDirectoryScoped()
  const file = path.join(folder, "books.db")
  // It stays the server's through all its lives.
  const port = yield* Ports.free
  const clients = yield* Effect.forEach(
    Array.from({ length: books * clientsPerBook }, (_, i) => i),
    (i) => arrive(`book${i % books}`, Math.floor(i / books))
  ).pipe(Effect.provide(
    ActorClient.layerWebSocket({ url: `ws://127.0.0.1:${port}/actors` }).pipe(
      Layer.provide(NodeWS.layerWebSocketConstructor)
    )
  ))

  const answered = yield* SubscriptionRef.make(0)
  const awaitAnswers = Effect.fnUntraced(function*(more: number) {
    const target = (yield* SubscriptionRef.get(answered)) + more
    yield* SubscriptionRef.changes(answered).pipe(Stream.filter((count) => count >= target), Stream.runHead)
  })
  let isOver = false
  const working = yield* Effect.forkScoped(Effect.all(
    clients.map((client) => work(client, () => isOver, SubscriptionRef.update(answered, (count) => count + 1))),
    { concurrency: "unbounded", discard: true }
  ))

  for (let life = 0; life < kills; life++) {
    yield* Effect.scoped(Effect.gen(function*() {
      yield* serve(file, port)
      yield* awaitAnswers(yield* Random.nextIntBetween(1, 300))
    }))
  }
  const output = yield* serve(file, port)
  yield* awaitAnswers(100)
  isOver = true
  yield* Fiber.join(working)
  for (const client of clients) checkClient(client, yield* client.handle.rpc.all())
  return { answers: yield* SubscriptionRef.get(answered), output }
})

describe("a server that is killed dozens of times", () => {
  it.live(
    "keeps every answer, runs no call twice, and knows its clients again",
    () =>
      Effect.gen(function*() {
        const { answers, output } = yield* scenario
        assert.isAbove(answers, kills)
        assert.deepStrictEqual(output, ["open"], "nothing went wrong in the log")
      }).pipe(
        Effect.scoped,
        Effect.timeoutOption("5 minutes"),
        Effect.map((finished) => assert.isTrue(Option.isSome(finished), "all calls have settled in time")),
        Effect.provide(NodeServices.layer)
      ),
    320_000
  )
})
