import { PgClient } from "@effect/sql-pg"
import { layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { ActorStorage } from "../../src/index.ts"
import * as PostgresStorage from "../../src/PostgresStorage.ts"
import { describePostgres, Postgres } from "../support/Postgres.ts"
import { contract } from "./contract.ts"

describePostgres("PostgresStorage", () => {
  layer(Postgres.layer)((it) => {
    contract(
      it,
      Effect.gen(function*() {
        const postgres = yield* Postgres
        const database = yield* Effect.orDie(postgres.createDatabase)
        return Layer.build(PostgresStorage.layer().pipe(Layer.provide(PgClient.layer(database)))).pipe(
          Effect.map((context) => Effect.provide(ActorStorage.ActorStorage, context)),
          Effect.flatten,
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    )
  })
})
