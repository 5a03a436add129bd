/**
 * Names as databases can keep them apart.
 *
 * A key may be any string. PostgreSQL refuses U+0000; UTF-8 has no lone surrogates, which would all become U+FFFD, and
 * two instances one. Such characters are written as an escape and four hexadecimal digits; text without them stays as it
 * is.
 *
 * @since 0.1.0
 */

const escape = "\u001b"

const unsafe = new RegExp(`[\\0${escape}\\p{Surrogate}]`, "gu")

const escaped = new RegExp(`${escape}([0-9a-f]{4})`, "g")

/**
 * @category conversions
 * @since 0.1.0
 */
export const encode = (text: string): string =>
  text.replace(unsafe, (unit) => escape + unit.charCodeAt(0).toString(16).padStart(4, "0"))

/**
 * @category conversions
 * @since 0.1.0
 */
export const decode = (text: string): string =>
  text.includes(escape)
    ? text.replace(escaped, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : text
