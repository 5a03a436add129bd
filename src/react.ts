/**
 * Atoms, and with them clients of actors, in React.
 *
 * @since 0.1.0
 */
export * from "./react/Hooks.ts"
export * from "./react/Registry.ts"
