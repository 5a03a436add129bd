/**
 * Where the rooms keep what was said.
 */
import { Layer } from "effect"
import { mkdirSync } from "node:fs"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"
import * as ActorStorage from "../../src/ActorStorage.ts"
import * as SqliteStorage from "../../src/SqliteStorage.ts"

/** The file of `npm start`, beside the program; git does not look at it. */
export const defaultFile = fileURLToPath(new URL("./.data/chat.db", import.meta.url))

/** In one file, whose folder is made where it is missing. */
export const inFile = (filename: string) =>
  Layer.suspend(() => {
    mkdirSync(dirname(filename), { recursive: true })
    return SqliteStorage.layer({ filename })
  })

/** Until the program ends. */
export const inMemory = ActorStorage.layerMemory
