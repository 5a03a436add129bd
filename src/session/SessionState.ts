/**
 * The pure part of a session: what was sent and is not acknowledged, and how
 * much was taken in. It knows no sockets, clocks or schemas.
 *
 * The algorithm is that of XMPP stream management (XEP-0198) and SignalR's
 * stateful reconnect: both ends count data frames implicitly, acknowledge
 * cumulatively, keep what is not acknowledged, and resend the tail after a
 * reconnect from the count that the receiver names.
 *
 * @since 0.1.0
 */

/**
 * One end of a session.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionState {
  /** Data frames sent in this session. */
  sent: number
  /** How many of them the peer has taken in. */
  acknowledged: number
  /** Data frames of the peer taken in. */
  received: number
  /** The count of the last acknowledgement that was written. */
  reported: number
  /** The frames `acknowledged + 1 .. sent`, oldest first, from `head` on. */
  kept: Array<string>
  head: number
  /** Length of the kept frames, in UTF-16 code units. */
  keptLength: number
}

/**
 * A session before its first frame.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): SessionState => ({
  sent: 0,
  acknowledged: 0,
  received: 0,
  reported: 0,
  kept: [],
  head: 0,
  keptLength: 0
})

/**
 * Counts a data frame as sent and keeps it until it is acknowledged.
 *
 * @category transitions
 * @since 0.1.0
 */
export const send = (self: SessionState, frame: string): void => {
  self.sent++
  // A literal takes no more room than it needs: most connections keep one frame, or none.
  if (self.kept.length === 0) self.kept = [frame]
  else self.kept.push(frame)
  self.keptLength += frame.length
}

/**
 * Counts a data frame as taken in.
 *
 * @category transitions
 * @since 0.1.0
 */
export const receive = (self: SessionState): void => {
  self.received++
}

/**
 * Takes in a cumulative acknowledgement and drops what it covers. An older one
 * changes nothing. Returns `false` for one of frames that were never sent: the
 * peer is broken, nothing has changed.
 *
 * @category transitions
 * @since 0.1.0
 */
export const acknowledge = (self: SessionState, count: number): boolean => {
  if (count > self.sent) return false
  while (self.acknowledged < count) {
    self.keptLength -= self.kept[self.head]!.length
    self.kept[self.head] = ""
    self.head++
    self.acknowledged++
  }
  if (self.head > 0 && self.head === self.kept.length) {
    // What is kept of an idle session must not stay as large as it once was.
    self.kept = []
    self.head = 0
  } else if (self.head > 32 && self.head * 2 > self.kept.length) {
    self.kept = self.kept.slice(self.head)
    self.head = 0
  }
  return true
}

/**
 * The count to acknowledge, once: `undefined` when the last one written still
 * says it all.
 *
 * @category transitions
 * @since 0.1.0
 */
export const report = (self: SessionState): number | undefined => {
  if (self.received === self.reported) return undefined
  self.reported = self.received
  return self.received
}

/**
 * Whether the tail after what the peer has taken in is whole.
 *
 * @category getters
 * @since 0.1.0
 */
export const canResume = (self: SessionState, received: number): boolean =>
  received >= self.acknowledged && received <= self.sent

/**
 * Takes up the session on a new socket: `received` is what the peer has taken
 * in, the result what it still needs, oldest first. `undefined` when the tail
 * is not provably whole; the session cannot be resumed then.
 *
 * @category transitions
 * @since 0.1.0
 */
export const resume = (self: SessionState, received: number): ReadonlyArray<string> | undefined => {
  if (!canResume(self, received)) return undefined
  acknowledge(self, received)
  return self.kept.slice(self.head)
}

/**
 * Frames that are sent and not acknowledged.
 *
 * @category getters
 * @since 0.1.0
 */
export const unacknowledged = (self: SessionState): number => self.sent - self.acknowledged

/**
 * Whether the peer owes acknowledgements for more than a bound.
 *
 * @category getters
 * @since 0.1.0
 */
export const isOver = (self: SessionState, bounds: { readonly frames: number; readonly bytes: number }): boolean =>
  unacknowledged(self) > bounds.frames || self.keptLength > bounds.bytes

/**
 * Whether one more frame stays within a bound.
 *
 * @category getters
 * @since 0.1.0
 */
export const hasRoom = (self: SessionState, bounds: { readonly frames: number; readonly bytes: number }): boolean =>
  unacknowledged(self) < bounds.frames && self.keptLength < bounds.bytes
