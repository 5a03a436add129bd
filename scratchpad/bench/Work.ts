/**
 * What a work is: groups of rows that are measured in turn, and shown as one table each.
 */
import type { Result, Subject } from "./run.ts"

/** How much is done. */
export interface Plan {
  readonly quick: boolean
  /** How often each row is measured. */
  readonly runs: number
}

export interface Column {
  /** The name in the result. */
  readonly key: string
  readonly title: string
  readonly better: "more" | "less" | "none"
}

export interface Row {
  readonly name: string
  readonly subject: Subject
}

export interface Group {
  readonly id: string
  readonly title: string
  /** What exactly is compared. */
  readonly about: string
  readonly load: string
  readonly params: Record<string, unknown>
  readonly rows: ReadonlyArray<Row>
  /** The first one is what ratios and the plot are about. */
  readonly columns: ReadonlyArray<Column>
  /** The row that the others are divided by. */
  readonly baseline?: string
  readonly runs: number
  /** About how long one row takes once, in seconds. */
  readonly seconds: number
}

export interface Work {
  readonly name: string
  readonly title: string
  readonly groups: (plan: Plan) => ReadonlyArray<Group>
}

/** The results of a group: per row those of its runs, and why it failed. */
export interface Measured {
  readonly group: Group
  readonly results: ReadonlyMap<string, ReadonlyArray<Result>>
  readonly failures: ReadonlyMap<string, ReadonlyArray<string>>
}
