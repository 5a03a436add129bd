/**
 * The client of rivetkit, with its default encoding.
 */
import { createClient } from "rivetkit/client"
import { token } from "../contracts/work.ts"
import { type Connect, fromPromise } from "./Peer.ts"

export const connect: Connect = async ({ onEvent, url }) => {
  const client: any = createClient({ endpoint: url.replace("ws:", "http:"), disableMetadataLookup: true } as any)
  const connection = client.bench.getOrCreate(["bench"], { params: { token } }).connect()
  if (onEvent !== undefined) connection.on("said", onEvent)
  const peer = {
    ...fromPromise((name, note) => connection[name](note)),
    close: () => void connection.dispose()
  }
  // It tells nobody when it is connected; the first reply does.
  await peer.call()
  return peer
}
