import { describe, layer } from "@effect/vitest"
import { isInstalled } from "../setup/browser.ts"
import { looks } from "./Looks.ts"
import { outage } from "./Outage.ts"
import { rooms } from "./Rooms.ts"
import * as Visitor from "./support/Visitor.ts"

// One server and one browser for all; each test has rooms and devices of its own, and much of it is waiting.
describe.skipIf(!isInstalled).concurrent("the chat page in a browser", () => {
  layer(Visitor.layer, { excludeTestServices: true, timeout: Visitor.testTimeout })((it) => {
    rooms(it)
    outage(it)
    looks(it)
  })
})
