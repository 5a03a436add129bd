/**
 * What a process holds: memory after garbage collection, fibers, timers, sockets and file handles.
 */
import { Effect, Metric } from "effect"
import { readdirSync } from "node:fs"

export interface Vitals {
  /** In bytes. */
  readonly heap: number
  readonly rss: number
  readonly fibers: number
  readonly timers: number
  readonly sockets: number
  readonly files: number
}

let fibers = 0

/** Counts the fibers of this process from here on. */
export const countFibers = Effect.provideService(Metric.FiberRuntimeMetrics, {
  recordFiberStart: () => fibers++,
  recordFiberEnd: () => fibers--
})

const count = (resources: ReadonlyArray<string>, name: string) =>
  resources.filter((resource) => resource === name).length

/** Collects garbage and looks. */
export const take = Effect.sync((): Vitals => {
  globalThis.gc?.()
  const resources = process.getActiveResourcesInfo()
  const { heapUsed, rss } = process.memoryUsage()
  return {
    heap: heapUsed,
    rss,
    fibers,
    timers: count(resources, "Timeout"),
    sockets: count(resources, "TCPSocketWrap"),
    files: readdirSync("/proc/self/fd").length
  }
})
