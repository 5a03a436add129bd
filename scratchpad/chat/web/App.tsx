/**
 * The whole page: the door, and behind it the rooms.
 */
import { Option, Schema } from "effect"
import { useCallback, useState, useSyncExternalStore } from "react"
import { Door } from "./Door.tsx"
import { RoomPage } from "./RoomPage.tsx"
import { Pass } from "./Visit.ts"

export const App = () => {
  const [pass, setPass] = useState(loadPass)
  const [refusal, setRefusal] = useState<string>()
  const room = useRoomOfAddress()
  const enter = (pass: Pass) => {
    sessionStorage.setItem(passKey, JSON.stringify(pass))
    setRefusal(undefined)
    setPass(pass)
  }
  const leave = useCallback((refusal?: string) => {
    sessionStorage.removeItem(passKey)
    setRefusal(refusal)
    setPass(undefined)
  }, [])
  return pass === undefined
    ? <Door room={room} refusal={refusal} onEnter={enter} />
    : <RoomPage key={`${pass.token} ${room}`} room={room} pass={pass} onLeave={leave} />
}

/** A pass belongs to its tab, so that two tabs may be two people. */
const passKey = "pass"

const loadPass = (): Pass | undefined => Option.getOrUndefined(decodePass(sessionStorage.getItem(passKey)))

const decodePass = Schema.decodeUnknownOption(Schema.fromJsonString(Pass))

/** The room is in the address, so that it can be linked to and the back button works. */
const useRoomOfAddress = () =>
  useSyncExternalStore(
    (onChange) => {
      addEventListener("hashchange", onChange)
      return () => removeEventListener("hashchange", onChange)
    },
    () => new URLSearchParams(`room=${location.hash.slice(1)}`).get("room") || "lobby"
  )
