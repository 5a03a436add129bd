/**
 * The token that a client shows: the name and the password, with a colon between them. An app has real ones.
 */
export const tokenOf = (name: string, password: string): string => `${name}:${password}`
