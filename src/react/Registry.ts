/**
 * The registry of atoms that a tree of components uses.
 *
 * @since 0.1.0
 */
import type * as Atom from "effect/reactivity/Atom"
import * as AtomRegistry from "effect/reactivity/AtomRegistry"
import * as React from "react"
import * as ActorAtom from "../reactivity/ActorAtom.ts"

/** How long an atom stays that no component uses, in milliseconds: longer than a page takes to change. */
const idleTimeToLive = 400

/**
 * The registry of the components below; `undefined` stands for one that all trees without a provider share.
 *
 * @category context
 * @since 0.1.0
 */
export const RegistryContext: React.Context<AtomRegistry.AtomRegistry | undefined> = /* @__PURE__ */ React
  .createContext<AtomRegistry.AtomRegistry | undefined>(undefined)

/**
 * What `RegistryProvider` is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface RegistryProviderProps {
  readonly children?: React.ReactNode
  /** A registry of the app's own, which is taken as it is. Default: a new one for each provider. */
  readonly registry?: AtomRegistry.AtomRegistry | undefined
  /** Values that atoms have from the beginning, where the provider makes the registry. */
  readonly initialValues?: Iterable<readonly [Atom.Atom<any>, any]> | undefined
  /** How long an atom stays that no component uses, in milliseconds. Default: 400. */
  readonly defaultIdleTTL?: number | undefined
}

/**
 * Gives the components below a registry of their own.
 *
 * **When to use**
 *
 * Use it at the root of an app, in tests, and wherever two trees must not share their atoms: on a server, one for each
 * request.
 *
 * **Details**
 *
 * Where a page is rendered on a server, nothing in a registry that the provider makes connects; see `ActorAtom.dialling`.
 * A registry is not disposed of with its provider, which React may unmount and mount again: its atoms end by themselves
 * when no component uses them.
 *
 * @category components
 * @since 0.1.0
 */
export const RegistryProvider = (props: RegistryProviderProps): React.ReactNode => {
  const [own] = React.useState(() => props.registry === undefined ? make(props) : undefined)
  return React.createElement(RegistryContext.Provider, { value: props.registry ?? own }, props.children)
}

const make = ({ defaultIdleTTL = idleTimeToLive, initialValues = [] }: RegistryProviderProps) =>
  isServer()
    ? AtomRegistry.make({ initialValues: [[ActorAtom.dialling, false], ...initialValues] })
    : AtomRegistry.make({ initialValues, defaultIdleTTL })

/** React Native has no document either. */
const isServer = (): boolean =>
  typeof document === "undefined" && (typeof navigator === "undefined" || navigator.product !== "ReactNative")

let shared: AtomRegistry.AtomRegistry | undefined

/**
 * The registry of the provider above, or else the shared one.
 *
 * @category hooks
 * @since 0.1.0
 */
export const useRegistry = (): AtomRegistry.AtomRegistry => React.useContext(RegistryContext) ?? (shared ??= make({}))
