/**
 * All works, in the order of the report.
 */
import type { Work } from "../Work.ts"
import { work as actors } from "./actors.ts"
import { work as broadcast } from "./broadcast.ts"
import { work as calls } from "./calls.ts"
import { work as connect } from "./connect.ts"
import { work as connections } from "./connections.ts"
import { work as idle } from "./idle.ts"
import { work as resume } from "./resume.ts"

export const works: ReadonlyArray<Work> = [calls, broadcast, connect, idle, resume, actors, connections]
