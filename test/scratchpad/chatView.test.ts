import { assert, describe, it } from "@effect/vitest"
import { DateTime } from "effect"
import { Member, Message, Presence } from "../../scratchpad/chat/ChatRoom.ts"
import { Heard } from "../../scratchpad/chat/Heard.ts"
import * as StatusWords from "../../scratchpad/chat/web/StatusWords.ts"
import * as View from "../../scratchpad/chat/web/View.ts"
import { Status } from "../../src/ConnectionStatus.ts"
import { Kicked } from "../../src/DisconnectReason.ts"

const now = DateTime.makeUnsafe(0)

const posted = (number: number, from: string, draft?: string) =>
  Heard.Posted({
    message: new Message({ number, from, text: `text ${number}`, at: now, ...(draft === undefined ? {} : { draft }) })
  })

const draft: View.Draft = { id: "d1", text: "hello", progress: View.Progress.Waiting() }

const member = (name: string, standing: Presence["standing"]) => new Presence({ name, role: "member", standing })

const standings = (view: View.View) => view.members.map(({ name, standing }) => `${name} ${standing}`)

describe("what the page shows", () => {
  it("drops one's own draft when the room repeats it, and nobody else's of that name", () => {
    const begun = View.empty([draft])
    const others = View.heard(begun, posted(1, "ben", "d1"), now, "ada")
    assert.strictEqual(others.drafts.length, 1)
    const mine = View.heard(others, posted(2, "ada", "d1"), now, "ada")
    assert.strictEqual(mine.drafts.length, 0)
    assert.strictEqual(mine.lines.length, 2)
  })

  it("keeps a draft in its place while it comes further, and drops one that is taken back", () => {
    const two = View.drafted(View.empty([draft]), { ...draft, id: "d2" })
    const failed = View.progressed(two, "d1", View.Progress.Failed({ why: "no" }))
    assert.deepStrictEqual(failed.drafts.map(({ id, progress }) => `${id} ${progress._tag}`), [
      "d1 Failed",
      "d2 Waiting"
    ])
    assert.deepStrictEqual(View.dropped(failed, "d1").drafts.map(({ id }) => id), ["d2"])
  })

  it("makes a line of a direct message that was delivered", () => {
    const { drafts, lines } = View.delivered(View.empty([{ ...draft, to: "ben" }]), { ...draft, to: "ben" }, "ada", now)
    assert.deepStrictEqual(drafts, [])
    const [line] = lines
    assert.isTrue(line !== undefined && View.Line.$is("Whispered")(line) && line.from === "ada" && line.to === "ben")
  })

  it("keeps no more lines than it shows, each with a key of its own", () => {
    const all = Array.from({ length: 700 }, (_, index) => posted(index + 1, "ada"))
    const { lines } = all.reduce((view, heard) => View.heard(view, heard, now, "me"), View.empty([]))
    assert.strictEqual(lines.length, 600)
    assert.strictEqual(new Set(lines.map(({ key }) => key)).size, 600)
    assert.strictEqual(lines.at(-1)?.key, "699")
  })

  it("takes a complete list of people for all there are, and another one for changes", () => {
    const first = View.stand(View.empty([]), {
      members: [member("ada", "joined"), member("ben", "joined")],
      complete: true
    })
    const second = View.stand(first, {
      members: [member("ben", "suspended"), member("cleo", "joined")],
      complete: false
    })
    assert.deepStrictEqual(standings(second), ["ada joined", "ben suspended", "cleo joined"])
    assert.deepStrictEqual(standings(View.stand(second, { members: [member("cleo", "joined")], complete: true })), [
      "cleo joined"
    ])
  })

  it("notes who comes and how somebody goes", () => {
    const come = View.heard(
      View.empty([]),
      Heard.Joined({ member: new Member({ name: "dan", role: "member" }) }),
      now,
      "ada"
    )
    const gone = View.heard(come, Heard.Left({ name: "dan", reason: Kicked.make({ reason: "watches" }) }), now, "ada")
    assert.deepStrictEqual(gone.lines.map((line) => line._tag === "Noted" ? line.text : line._tag), [
      "dan has come in",
      "dan was kicked: watches"
    ])
  })
})

describe("the status in plain words", () => {
  it("counts what waits", () => {
    const away = Status.Connecting({ attempt: 2 })
    assert.strictEqual(StatusWords.of(away, 0).detail, "Trying to reach the room again.")
    assert.strictEqual(StatusWords.of(away, 1).detail, "1 message waits to be sent.")
    assert.strictEqual(StatusWords.of(away, 2).detail, "2 messages wait to be sent.")
  })

  it("gives the reason of a kick, and says so where there is none", () => {
    const kicked = (reason?: string) =>
      StatusWords.of(Status.Disconnected({ reason: Kicked.make(reason === undefined ? {} : { reason }) }), 0)
    assert.deepStrictEqual(kicked("too loud"), { rope: "parted", title: "Removed", detail: "Too loud." })
    assert.strictEqual(kicked().detail, "You were removed from the room.")
  })
})
