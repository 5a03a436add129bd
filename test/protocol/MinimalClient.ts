/**
 * A client of Tether in plain JavaScript, written from docs/PROTOCOL.md alone, to show that the page is enough. It needs
 * a `WebSocket` and timers, and imports neither Effect nor Tether.
 *
 * @since 0.1.0
 */
import { MinimalCalls, Unanswered } from "./MinimalCalls.ts"
import { type Frame, MinimalSession, type Welcome } from "./MinimalSession.ts"

interface Reason {
  readonly _tag: string
  readonly retryAfter?: number
  readonly [field: string]: unknown
}

/**
 * Where the client stands.
 *
 * @category models
 * @since 0.1.0
 */
export type Status =
  | { readonly _tag: "connected"; readonly connection: string; readonly resumed: boolean }
  | { readonly _tag: "away"; readonly reason: Reason | undefined }
  | { readonly _tag: "done"; readonly reason: Reason | undefined; readonly rejection?: unknown }

/**
 * How the client connects.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly url: string
  readonly actor: string
  readonly key: string
  /** Evaluated anew for each `hello`. */
  readonly params: () => unknown
  readonly subscriptions: ReadonlyArray<string>
  readonly onEvent: (name: string, payload: any) => void
  readonly onStatus: (status: Status) => void
  /** Told the name of each frame that comes. */
  readonly onFrame: (name: string) => void
  /** The wait between two dials, in milliseconds; a real client backs off with jitter. */
  readonly retryEvery: number
}

/**
 * One client of one actor, which dials until it is done.
 *
 * @category models
 * @since 0.1.0
 */
export class MinimalClient {
  private readonly options: Options
  private readonly calls = new MinimalCalls()
  private session: MinimalSession | undefined
  private socket: WebSocket | undefined
  private isAttached = false
  private attach = 0
  private outgoing: Array<string> = []
  private heardAt = 0
  private readonly timers = new Set<ReturnType<typeof setTimeout>>()
  private done: string | undefined
  /** How many data frames were sent again after a resume. */
  sentAgain = 0

  constructor(options: Options) {
    this.options = options
    this.dial()
  }

  /** Calls an RPC: resolves with the exit of the `reply`. The values of a stream go to `onValues`. */
  call(rpc: string, payload: unknown = null, options: {
    readonly onValues?: (values: ReadonlyArray<any>) => void
    readonly signal?: AbortSignal
  } = {}): Promise<any> {
    if (this.done !== undefined) return Promise.reject(new Unanswered("no", this.done))
    const { answer, id } = this.calls.add(rpc, payload, options.onValues)
    options.signal?.addEventListener("abort", () => {
      if (this.calls.interrupt(id)) this.send(JSON.stringify(["interrupt", id]))
    })
    this.drain()
    return answer
  }

  /** Leaves for good. */
  leave(reason: string): void {
    const { isAttached, socket } = this
    const left = { _tag: "ClientLeft", reason }
    if (isAttached) this.write(["bye", { reason: left, received: this.session!.received }])
    this.flush()
    this.finish({ _tag: "done", reason: left }, undefined)
    socket?.close(4000)
  }

  private dial(): void {
    const socket = new WebSocket(this.options.url)
    this.socket = socket
    this.after(10_000, () => socket.readyState === WebSocket.CONNECTING && this.lost(socket))
    socket.addEventListener("open", () => {
      if (socket !== this.socket) return
      this.after(25_000, () => !this.isAttached && this.lost(socket))
      this.write(["hello", this.hello()])
    })
    socket.addEventListener("message", ({ data }) => this.onMessage(socket, data))
    socket.addEventListener("close", () => this.lost(socket))
    socket.addEventListener("error", () => this.lost(socket))
  }

  private hello() {
    const { actor, key, params, subscriptions } = this.options
    const hello = { protocol: 1, actor, key, params: params(), subscriptions, attach: ++this.attach }
    return this.session === undefined ? hello : { ...hello, resume: this.session.claim(() => this.calls.unanswered) }
  }

  /** A socket has ended; only the current one counts. The session goes on. */
  private lost(socket: WebSocket, reason?: Reason): void {
    if (socket !== this.socket) return
    this.drop()
    socket.close()
    this.options.onStatus({ _tag: "away", reason })
    this.after(reason?.retryAfter ?? this.options.retryEvery, () => this.dial())
  }

  private finish(status: Extract<Status, { readonly _tag: "done" }>, taken: number | undefined): void {
    this.done = status.reason?._tag ?? "rejected"
    this.drop()
    this.calls.sessionLost(taken)
    this.calls.close(this.done)
    this.options.onStatus(status)
  }

  private drop(): void {
    this.socket = undefined
    this.isAttached = false
    this.outgoing = []
    for (const timer of this.timers) clearTimeout(timer)
    this.timers.clear()
  }

  /** Timers belong to the socket of now. */
  private after(millis: number, run: () => void): void {
    this.timers.add(setTimeout(run, millis))
  }

  private watch(socket: WebSocket, times: Welcome["heartbeat"]): void {
    this.after(Math.max(0, this.heardAt + times.interval - performance.now()), () => {
      const { heardAt } = this
      if (performance.now() - heardAt < times.interval) return this.watch(socket, times)
      this.write(["ping"])
      this.after(times.timeout, () => this.heardAt === heardAt ? this.lost(socket) : this.watch(socket, times))
    })
  }

  private write(frame: Frame): void {
    this.push(JSON.stringify(frame))
  }

  /** Frames of one tick leave as one message. */
  private push(frame: string): void {
    if (this.outgoing.push(frame) === 1) queueMicrotask(() => this.flush())
  }

  private flush(): void {
    const frames = this.outgoing.splice(0)
    if (frames.length > 0 && this.socket?.readyState === WebSocket.OPEN) this.socket.send(`[${frames.join(",")}]`)
  }

  private send(frame: string): number {
    const number = this.session!.send(frame)
    if (this.isAttached) this.push(frame)
    return number
  }

  private drain(): void {
    if (this.isAttached) this.calls.drain(this.session!, (frame) => this.send(frame))
  }

  private ack(): void {
    this.write(["ack", this.session!.received])
  }

  private onMessage(socket: WebSocket, text: string): void {
    this.heardAt = performance.now()
    for (const frame of JSON.parse(text) as ReadonlyArray<Frame>) {
      // A frame before this one may have ended the socket.
      if (socket === this.socket) this.onFrame(socket, frame)
    }
  }

  private onFrame(socket: WebSocket, frame: Frame): void {
    const [name, content] = frame
    this.options.onFrame(name)
    switch (name) {
      case "welcome":
        return this.onWelcome(socket, content)
      case "rejected":
        return this.finish({ _tag: "done", reason: undefined, rejection: content }, undefined)
      case "bye":
        return this.onBye(socket, content)
      case "ping":
        return this.write(["pong"])
      case "pong":
        return
      case "ack":
        this.session!.acknowledge(content)
        return this.drain()
      default:
        return this.onData(frame)
    }
  }

  private onData(frame: Frame): void {
    const session = this.session!
    if (++session.received % 32 === 0) this.ack()
    else this.after(1_000, () => this.ack())
    if (frame[0] === "event") return this.options.onEvent(frame[1], frame[2])
    this.calls.onFrame(frame)
    if (frame[0] === "chunk") this.send(JSON.stringify(["chunk-ack", frame[1]]))
    else this.drain()
  }

  private onWelcome(socket: WebSocket, welcome: Welcome): void {
    if (welcome.resumed && welcome.epoch === this.session!.epoch) {
      this.session!.resume(welcome)
    } else {
      this.session = new MinimalSession(welcome)
      if (welcome.resumed) this.calls.recovered()
      else this.calls.sessionLost(undefined)
    }
    this.isAttached = true
    this.ack()
    for (const frame of this.session!.kept) this.push(frame)
    this.sentAgain += this.session!.kept.length
    this.watch(socket, welcome.heartbeat)
    this.options.onStatus({ _tag: "connected", connection: welcome.connection, resumed: welcome.resumed })
    this.drain()
  }

  private onBye(socket: WebSocket, { reason, received }: { readonly reason: Reason; readonly received: number }): void {
    const { _tag: tag } = reason
    const taken = this.isAttached ? received : undefined
    const isTerminal = ["ClientLeft", "ProtocolError", "InvalidParams", "UnknownActor"].includes(tag)
    if (isTerminal || (tag === "Kicked" && reason.retryAfter === undefined)) {
      return this.finish({ _tag: "done", reason }, taken)
    }
    const endsTheAttempt = !this.isAttached && (tag === "InternalError" || tag === "Draining")
    const goesOnElsewhere = this.session?.isDurable === true && (tag === "Draining" || tag === "ActorStopped")
    if (tag !== "Displaced" && tag !== "Stale" && !endsTheAttempt && !goesOnElsewhere) {
      this.session = undefined
      this.calls.sessionLost(taken)
    }
    this.lost(socket, reason)
  }
}
