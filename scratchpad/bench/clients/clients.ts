/**
 * The clients by name. Each is loaded alone, so that no process holds the code of another.
 */
import type { Connect } from "./Peer.ts"

/** About how long a client waits until it dials again, in milliseconds; the same for all that dial by themselves. */
const redial = 250

export const load = async (name: string): Promise<Connect> => {
  switch (name) {
    case "ws":
      return (await import("./ws.ts")).connect
    case "tetherLean":
      return (await import("./tetherLean.ts")).make({ batch: true })
    case "tetherSingle":
      return (await import("./tetherLean.ts")).make({ batch: false })
    case "tether":
      return (await import("./tether.ts")).make({ redial })
    case "effectRpcLean":
      return (await import("./effectRpcLean.ts")).connect
    case "effectRpc":
      return (await import("./effectRpc.ts")).connect
    case "socketioLean":
      return (await import("./socketioLean.ts")).connect
    case "socketio":
      return (await import("./socketio.ts")).make({ redial })
    case "rivetkit":
      return (await import("./rivetkit.ts")).connect
    case "colyseus":
      return (await import("./colyseus.ts")).connect
    default:
      throw new Error(`no client ${name}`)
  }
}
