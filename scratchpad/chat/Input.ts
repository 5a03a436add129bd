/**
 * What a typed line asks for.
 */
import { Data } from "effect"

export type Input = Data.TaggedEnum<{
  Nothing: {}
  Post: { readonly text: string }
  DirectMessage: { readonly to: string; readonly text: string }
  Kick: { readonly name: string; readonly reason: string }
  Who: {}
  Quit: {}
  Unknown: { readonly help: string }
}>

export const Input = Data.taggedEnum<Input>()

export const help = "/msg name text, /who, /kick name reason, /quit; anything else is said to all"

export const parse = (line: string): Input => {
  const text = line.trim()
  if (text === "") return Input.Nothing()
  if (!text.startsWith("/")) return Input.Post({ text })
  const [command, name = "", ...words] = text.split(/\s+/)
  const rest = words.join(" ")
  switch (command) {
    case "/who":
      return Input.Who()
    case "/quit":
      return Input.Quit()
    case "/msg":
      return rest === "" ? Input.Unknown({ help }) : Input.DirectMessage({ to: name, text: rest })
    case "/kick":
      return name === "" ? Input.Unknown({ help }) : Input.Kick({ name, reason: rest })
    default:
      return Input.Unknown({ help })
  }
}
