/**
 * Atoms in components.
 *
 * @since 0.1.0
 */
import * as Atom from "effect/reactivity/Atom"
import * as React from "react"
import { useRegistry } from "./Registry.ts"

/**
 * The value of an atom; the component is rendered anew whenever it changes, and the atom lives for as long.
 *
 * **Details**
 *
 * On a server, and where its page is taken over by the browser, the value is the atom's server value if it has one, as
 * those of `ActorAtom` do.
 *
 * @category hooks
 * @since 0.1.0
 */
export const useAtomValue = <A>(atom: Atom.Atom<A>): A => {
  const registry = useRegistry()
  const subscribe = React.useCallback(
    (onChange: () => void) => registry.subscribe(atom, onChange),
    [registry, atom]
  )
  return React.useSyncExternalStore(
    subscribe,
    () => registry.get(atom),
    () => Atom.getServerValue(atom, registry)
  )
}

/**
 * Writes to an atom, of a call for example, which lives as long as the component does. The function is always the same.
 *
 * @category hooks
 * @since 0.1.0
 */
export const useAtomSet = <R, W>(atom: Atom.Writable<R, W>): (value: W) => void => {
  const registry = useRegistry()
  useAtomMount(atom)
  return React.useCallback((value) => registry.set(atom, value), [registry, atom])
}

/**
 * The value of an atom, and what writes to it.
 *
 * @category hooks
 * @since 0.1.0
 */
export const useAtom = <R, W>(atom: Atom.Writable<R, W>): readonly [value: R, set: (value: W) => void] => [
  useAtomValue(atom),
  useAtomSet(atom)
]

/**
 * Lets an atom live as long as the component does, without its value: keeps a client connected for example.
 *
 * @category hooks
 * @since 0.1.0
 */
export const useAtomMount = <A>(atom: Atom.Atom<A>): void => {
  const registry = useRegistry()
  React.useEffect(() => registry.mount(atom), [registry, atom])
}

/**
 * Evaluates an atom anew: asks a query again for example, or makes a new client.
 *
 * @category hooks
 * @since 0.1.0
 */
export const useAtomRefresh = <A>(atom: Atom.Atom<A>): () => void => {
  const registry = useRegistry()
  useAtomMount(atom)
  return React.useCallback(() => registry.refresh(atom), [registry, atom])
}
