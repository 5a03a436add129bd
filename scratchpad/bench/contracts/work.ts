/**
 * The work that every peer does: one call, one event, one token.
 */

/** What a call carries; about 60 bytes, so that a message is about 130. */
export interface Note {
  readonly text: string
  readonly number: number
}

export const text = "a line of about forty bytes, as chats have"

/** The call `echo`: the same text, and the number that follows. */
export const echo = (note: Note): Note => ({ text: note.text, number: note.number + 1 })

/** The text of an event, which is 100 bytes as JSON. */
export const eventText = "x".repeat(76)

/** What a client shows on connect, where a peer has a hook for it. */
export const token = "let-me-in"

/** How long the handler of a `slow` call takes, in milliseconds, so that a cut finds its reply on the way. */
export const slowness = 200
