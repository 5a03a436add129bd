/**
 * How long the names of a contract may be: that of the actor, of its RPCs and of its events.
 *
 * @since 0.1.0
 */

/**
 * Longest name, in UTF-16 code units.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxNameLength = 256

/**
 * Throws where a contract has a name that is too long for the wire.
 *
 * @category guards
 * @since 0.1.0
 */
export const checkLengths = (type: string, names: Iterable<string>): void => {
  for (const name of names) {
    if (name.length <= maxNameLength) continue
    throw new Error(
      `Actor.make: a name of the actor "${
        type.slice(0, 40)
      }" has ${name.length} characters and ${maxNameLength} are allowed: `
        + `"${name.slice(0, 40)}..."`
    )
  }
}
