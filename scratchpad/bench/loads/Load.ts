/**
 * What a load is given, and what all of them need.
 */
import type { Connect, ConnectOptions, Peer } from "../clients/Peer.ts"

export interface LoadOptions {
  readonly url: string
  readonly connect: Connect
  /** Asks the server's process; see `servers/child.ts`. */
  readonly ask: (name: string, args?: unknown) => Promise<any>
  readonly [option: string]: any
}

export type Load = (options: LoadOptions) => Promise<Record<string, number>>

const answers = new Map<number, { readonly resolve: (value: any) => void; readonly reject: (error: Error) => void }>()
let ids = 0

export const ask: LoadOptions["ask"] = (name, args) =>
  new Promise((resolve, reject) => {
    const id = ids++
    answers.set(id, { resolve, reject })
    process.send!({ type: "ask", id, name, args })
  })

process.on("message", (message: any) => {
  if (message.type !== "answer") return
  const answer = answers.get(message.id)
  answers.delete(message.id)
  if (message.error !== undefined) answer?.reject(new Error(message.error))
  else answer?.resolve(message.value)
})

export const sleep = (millis: number) => new Promise<void>((done) => setTimeout(done, millis))

/** Processor time of this process, in microseconds. */
export const cpu = (): number => {
  const { system, user } = process.cpuUsage()
  return user + system
}

/** Does one thing after the other for each index, so many at a time. */
export const pool = async <A>(count: number, atOnce: number, make: (index: number) => Promise<A>) => {
  const made: Array<A> = []
  let next = 0
  const worker = async () => {
    while (next < count) {
      const index = next++
      made[index] = await make(index)
    }
  }
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, worker))
  return made
}

/** Connects so many clients, 50 at a time. */
export const connectAll = (
  options: LoadOptions,
  count: number,
  more: (index: number) => Partial<ConnectOptions> = () => ({})
): Promise<ReadonlyArray<Peer>> =>
  pool(count, 50, (index) => options.connect({ url: options.url, index, ...more(index) }))

export const quantile = (values: ReadonlyArray<number>, q: number): number => {
  const sorted = Float64Array.from(values)
  sorted.sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN
}
