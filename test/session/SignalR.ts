/**
 * The buffer by which SignalR resumes its connections, as a second opinion: it counts messages, acknowledges them
 * cumulatively and sends the unacknowledged ones again, as a session does.
 */
import { Effect } from "effect"
import { createRequire } from "node:module"

interface Message {
  readonly type: number
  readonly text?: string
  readonly sequenceId?: number
}

interface MessageBuffer {
  _send(message: Message): Promise<void>
  _ack(message: Message): void
  _resend(): Promise<void>
  _disconnected(): void
  _resetSequence(message: Message): void
  _shouldProcessMessage(message: Message): boolean
  _ackTimer: () => void
  readonly _latestReceivedSequenceId: number
}

const require = createRequire(import.meta.url)
const buffers: {
  readonly MessageBuffer: new(
    protocol: { readonly writeMessage: (message: Message) => string },
    connection: { readonly send: (text: string) => Promise<void> },
    bufferSize: number
  ) => MessageBuffer
} = require("@microsoft/signalr/dist/cjs/MessageBuffer.js")

const invocation = 1
const acknowledgement = 8
const sequence = 9

type Operation =
  | { readonly _tag: "Ack"; readonly end: "a" | "b" }
  | { readonly _tag: "Send" | "Deliver"; readonly end: "a" | "b"; readonly count: number }
  | { readonly _tag: "Cut" | "Resume" }

class Side {
  readonly taken: Array<string> = []
  /** What is on its way to this end. */
  transit: Array<Message> = []
  sent = 0
  reported = 0
  readonly buffer: MessageBuffer

  constructor(write: (message: Message) => void) {
    this.buffer = new buffers.MessageBuffer(
      { writeMessage: (message) => JSON.stringify(message) },
      { send: async (text) => write(JSON.parse(text)) },
      Number.MAX_SAFE_INTEGER
    )
    // Acknowledgements are written when an operation says so.
    this.buffer._ackTimer = () => {}
  }
}

/** Two ends with the network between them, driven by the operations of a session's test. */
export class Pair {
  readonly a: Side = new Side((message) => this.b.transit.push(message))
  readonly b: Side = new Side((message) => this.a.transit.push(message))
  private attached = true

  apply(operation: Operation): Effect.Effect<void> {
    switch (operation._tag) {
      case "Send":
        return Effect.promise(async () => {
          for (let i = 0; i < operation.count; i++) await this.send(operation.end)
        })
      case "Deliver":
        return Effect.sync(() => this.deliver(this[operation.end], operation.count))
      case "Ack":
        return Effect.sync(() => this.report(operation.end))
      case "Cut":
        return Effect.sync(() => this.cut())
      case "Resume":
        return Effect.promise(() => this.resume())
    }
  }

  private send(end: "a" | "b"): Promise<void> {
    const self = this[end]
    const text = `${end}${self.sent + 1}${"x".repeat(self.sent % 7)}`
    self.sent++
    return self.buffer._send({ type: invocation, text })
  }

  /** Doubles, which it throws away itself, and the message that opens a resumed connection are not among the `count`. */
  private deliver(self: Side, count: number): void {
    for (let left = count; left > 0 && self.transit.length > 0;) {
      const message = self.transit.shift()!
      if (!self.buffer._shouldProcessMessage(message)) continue
      if (message.type === sequence) {
        self.buffer._resetSequence(message)
        continue
      }
      left--
      if (message.type === acknowledgement) self.buffer._ack(message)
      else self.taken.push(message.text!)
    }
  }

  private report(end: "a" | "b"): void {
    const [self, other] = end === "a" ? [this.a, this.b] : [this.b, this.a]
    const sequenceId = self.buffer._latestReceivedSequenceId
    if (!this.attached || sequenceId === self.reported) return
    self.reported = sequenceId
    other.transit.push({ type: acknowledgement, sequenceId })
  }

  private cut(): void {
    this.attached = false
    this.a.transit = []
    this.b.transit = []
    this.a.buffer._disconnected()
    this.b.buffer._disconnected()
  }

  private async resume(): Promise<void> {
    this.cut()
    this.attached = true
    await this.a.buffer._resend()
    await this.b.buffer._resend()
  }
}
