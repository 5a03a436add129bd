import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import * as Hosts from "../support/Hosts.ts"
import { fuzzers } from "./Fuzz.ts"

const limit = 60_000

/** What a run with these seeds once found; they are kept. */
const kept: Readonly<Record<keyof typeof fuzzers, ReadonlyArray<number>>> = {
  decoding: [],
  serving: [],
  durable: [],
  dialling: []
}

describe("input that nobody wrote", () => {
  it.live("decodes to frames within their bounds or not at all, 20,000 messages", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* fuzzers.decoding(1, 20_000))
    }), limit)

  for (let seed = 1; seed <= 10; seed++) {
    it.live(
      `is no defect of a host, has its typed end, and costs honest clients nothing, seed ${seed}`,
      () =>
        Effect.gen(function*() {
          assert.isUndefined(yield* fuzzers.serving(seed, 200))
        }),
      limit
    )
  }

  for (let seed = 1; seed <= 4; seed++) {
    it.live(`is none of a host whose actors are durable either, seed ${seed}`, () =>
      Effect.gen(function*() {
        assert.isUndefined(yield* fuzzers.durable(seed, 200))
      }), limit)
  }

  for (let seed = 1; seed <= 4; seed++) {
    it.live(`is none of a host in a cluster, seed ${seed}`, () =>
      Effect.gen(function*() {
        assert.isUndefined(yield* fuzzers[seed % 2 === 0 ? "durable" : "serving"](seed, 200))
      }).pipe(Effect.provideService(Hosts.Kind, "cluster")), limit)
  }

  for (let seed = 1; seed <= 5; seed++) {
    it.live(`neither kills a client nor makes it hang, seed ${seed}`, () =>
      Effect.gen(function*() {
        assert.isUndefined(yield* fuzzers.dialling(seed, 200))
      }), limit)
  }

  it.live("does none of it with seeds that no run has had before", () =>
    Effect.gen(function*() {
      const seed = yield* Clock.currentTimeMillis
      assert.isUndefined(yield* fuzzers.decoding(seed, 5_000))
      assert.isUndefined(yield* fuzzers.serving(seed, 300))
      assert.isUndefined(yield* fuzzers.durable(seed, 200))
      assert.isUndefined(yield* fuzzers.dialling(seed, 200))
    }), limit)

  for (const name of ["decoding", "serving", "durable", "dialling"] as const) {
    for (const seed of kept[name]) {
      it.live(`does none of it any more, ${name} ${seed}`, () =>
        Effect.gen(function*() {
          assert.isUndefined(yield* fuzzers[name](seed, name === "decoding" ? 1 : 300))
        }), limit)
    }
  }
})
