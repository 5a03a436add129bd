/**
 * A network between the page and the server that can be cut and frozen: a constructor of WebSockets that have a switch.
 */
import { Layer } from "effect"
import { Socket } from "effect/socket"

/** `cut`: every socket is lost and no dial succeeds. `frozen`: nothing arrives, and nobody is told. */
export type Condition = "open" | "cut" | "frozen"

type Listener = Parameters<Socket.WebSocketLike["addEventListener"]>[1]
type EventName = Parameters<Socket.WebSocketLike["addEventListener"]>[0]
type Options = Parameters<Parameters<typeof Socket.WebSocketConstructor.of>[0]>[1]

export class Network {
  #condition: Condition = "open"
  readonly #lines = new Set<Line>()

  get condition(): Condition {
    return this.#condition
  }

  change(condition: Condition): void {
    this.#condition = condition
    for (const line of Array.from(this.#lines)) {
      if (condition === "cut") line.lose()
      if (condition === "open") line.thaw()
    }
  }

  /** Dials through this network. */
  readonly layer: Layer.Layer<Socket.WebSocketConstructor> = Layer.succeed(Socket.WebSocketConstructor)(
    (url, options) => new Line(this, url, options)
  )

  add(line: Line): void {
    this.#lines.add(line)
  }

  remove(line: Line): void {
    this.#lines.delete(line)
  }
}

/** One socket on the network. What happens while it is frozen is held back, in order. */
class Line implements Socket.WebSocketLike {
  readonly #network: Network
  readonly #listeners = new Map<EventName, Set<Listener>>()
  readonly #held: Array<() => void> = []
  #real: WebSocket | undefined
  #closed = false

  constructor(network: Network, url: string, options: Options) {
    this.#network = network
    network.add(this)
    // As with a WebSocket, nothing happens before whoever makes it can listen.
    if (network.condition === "cut") queueMicrotask(() => this.lose())
    else this.#pass(() => this.#dial(url, typeof options === "string" || Array.isArray(options) ? options : undefined))
  }

  get readyState(): number {
    return this.#closed ? 3 : this.#real?.readyState ?? 0
  }

  addEventListener(name: EventName, listener: Listener): void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners.add(listener))
  }

  removeEventListener(name: EventName, listener: Listener): void {
    this.#listeners.get(name)?.delete(listener)
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.#pass(() => this.#real?.send(data))
  }

  close(code?: number, reason?: string): void {
    this.#pass(() => this.#real?.close(code, reason))
  }

  /** The network has lost this socket. */
  lose(): void {
    this.#held.length = 0
    this.#real?.close()
    this.#emit("error", {})
    this.#end({ code: 1006, reason: "" })
  }

  thaw(): void {
    for (const act of this.#held.splice(0)) act()
  }

  #dial(url: string, protocols: string | Array<string> | undefined): void {
    const real = this.#real = new WebSocket(url, protocols)
    real.binaryType = "arraybuffer"
    const forward = (name: EventName) =>
      real.addEventListener(name, (event) => this.#pass(() => this.#emit(name, event)))
    forward("open")
    forward("message")
    forward("error")
    real.addEventListener("close", ({ code, reason }) => this.#pass(() => this.#end({ code, reason })))
  }

  #pass(act: () => void): void {
    if (this.#network.condition === "frozen") this.#held.push(act)
    else act()
  }

  #end(event: Socket.WebSocketEvent): void {
    this.#emit("close", event)
    this.#closed = true
    this.#network.remove(this)
  }

  #emit(name: EventName, event: Socket.WebSocketEvent): void {
    if (this.#closed) return
    for (const listener of Array.from(this.#listeners.get(name) ?? [])) listener(event)
  }
}
