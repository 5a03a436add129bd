/**
 * Atoms in React.
 */
import { type Atom, AtomRegistry } from "effect/reactivity"
import { useCallback, useEffect, useSyncExternalStore } from "react"

const registry = AtomRegistry.make({ defaultIdleTTL: 400 })

/** The value of an atom, as it changes. */
export const useAtomValue = <A>(atom: Atom.Atom<A>): A =>
  useSyncExternalStore(
    useCallback((onChange) => registry.subscribe(atom, onChange), [atom]),
    () => registry.get(atom)
  )

/** Sets an atom, which stays alive as long as the component. */
export const useAtomSet = <R, W>(atom: Atom.Writable<R, W>): (value: W) => void => {
  useEffect(() => registry.mount(atom), [atom])
  return useCallback((value) => registry.set(atom, value), [atom])
}
