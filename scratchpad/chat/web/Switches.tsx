/**
 * The switches that hurt the page's own network.
 */
import { useAtomSet, useAtomValue } from "../../../src/react.ts"
import type { Condition } from "./Network.ts"
import { condition } from "./Stay.ts"

export const Switches = () => (
  <div className="switches" role="group" aria-label="Your network">
    <Switch to="cut" label="Cut my network" />
    <Switch to="frozen" label="Freeze it" />
  </div>
)

const Switch = ({ label, to }: { readonly label: string; readonly to: Condition }) => {
  const network = useAtomValue(condition)
  const change = useAtomSet(condition)
  const isOn = network === to
  return (
    <button
      type="button"
      role="switch"
      aria-checked={isOn}
      className="switch"
      data-switch={to}
      onClick={() => change(isOn ? "open" : to)}
    >
      <span className="switch-track" aria-hidden="true" />
      {label}
    </button>
  )
}
