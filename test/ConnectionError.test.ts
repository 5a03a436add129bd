import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as ConnectionError from "../src/ConnectionError.ts"
import * as DisconnectReason from "../src/DisconnectReason.ts"

class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", { hint: Schema.String }) {
  override get message() {
    return this.hint
  }
}

type Reason = ConnectionError.Reason<Unauthorized>

const failWith = (reason: Reason): Effect.Effect<string, ConnectionError.ConnectionError<Unauthorized>> =>
  Effect.fail(new ConnectionError.ConnectionError({ reason }))

const message = (reason: Reason) => new ConnectionError.ConnectionError({ reason }).message

const rejected = new ConnectionError.Rejected({ rejection: new Unauthorized({ hint: "log in first" }) })

const byExecuted: Readonly<Record<"no" | "maybe" | "yes", ReadonlyArray<Reason>>> = {
  no: [
    new ConnectionError.QueueFull({ capacity: 2 }),
    new ConnectionError.NotExecuted({ cause: "UnknownRpc", message: "There is no RPC \"shout\"." }),
    new ConnectionError.EventsOverflow({ event: "posted", capacity: 1024 }),
    new ConnectionError.InvalidEvent({ event: "posted", message: "Expected string" }),
    rejected,
    new ConnectionError.Disconnected({ reason: DisconnectReason.kicked("spam") })
  ],
  maybe: [
    new ConnectionError.OutcomeUnknown({ cause: undefined }),
    new ConnectionError.OutcomeUnknown({ cause: new DisconnectReason.ActorStopped() })
  ],
  yes: [
    new ConnectionError.ReplyTooLarge({ bytes: 70_000, limit: 65_536 }),
    new ConnectionError.InvalidReply({ message: "Expected string" })
  ]
}

describe("ConnectionError", () => {
  it.effect("is caught by a reason, with the typed rejection", () =>
    Effect.gen(function*() {
      const hint = yield* failWith(rejected).pipe(
        Effect.catchReason("ConnectionError", "Rejected", (reason) => Effect.succeed(reason.rejection.hint))
      )
      assert.strictEqual(hint, "log in first")
    }))

  it.effect("passes by a handler of another reason", () =>
    Effect.gen(function*() {
      const error = yield* failWith(new ConnectionError.QueueFull({ capacity: 2 })).pipe(
        Effect.catchReason("ConnectionError", "Rejected", () => Effect.succeed("caught")),
        Effect.flip
      )
      assert.strictEqual(error.reason._tag, "QueueFull")
    }))

  it.effect("is caught by its tag", () =>
    Effect.gen(function*() {
      const tag = yield* failWith(rejected).pipe(
        Effect.catchTag("ConnectionError", (error) => Effect.succeed(error.reason._tag))
      )
      assert.strictEqual(tag, "Rejected")
    }))

  it("tells whether the call ran", () => {
    for (const [executed, reasons] of Object.entries(byExecuted)) {
      for (const reason of reasons) {
        assert.strictEqual(new ConnectionError.ConnectionError({ reason }).executed, executed)
      }
    }
  })

  it("says in its message whether the call ran", () => {
    for (const reason of byExecuted.maybe) assert.include(message(reason), "it may have run or not")
    for (const reason of byExecuted.yes) assert.include(message(reason), "The call ran")
    for (const reason of byExecuted.no) {
      if (!reason._tag.includes("Event")) assert.include(message(reason), "call never ran")
    }
  })

  it("says in its message what happened", () => {
    assert.strictEqual(
      message(rejected),
      "The call never ran; connect anew to go on. "
        + "The actor refused the client with Unauthorized: log in first"
    )
  })

  it("says in its message what to do about a call that was refused", () => {
    const reason = new ConnectionError.NotExecuted({
      cause: "FrameTooLarge",
      message: "the encoded call has 9 bytes and 8 are allowed"
    })
    assert.strictEqual(
      new ConnectionError.ConnectionError({ reason }).message,
      "The call never ran (FrameTooLarge): the encoded call has 9 bytes and 8 are allowed. "
        + "Send less, or raise maxFrameBytes."
    )
  })

  it("is told from other values by its identifier", () => {
    assert.isTrue(ConnectionError.isConnectionError(new ConnectionError.ConnectionError({ reason: rejected })))
    assert.isFalse(ConnectionError.isConnectionError(rejected))
    assert.isFalse(ConnectionError.isConnectionError({ _tag: "ConnectionError" }))
  })
})
