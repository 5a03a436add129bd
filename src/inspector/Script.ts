/**
 * The script of the inspector's page: a small client of its own, so that the page needs no bundler. It speaks the
 * protocol of docs/PROTOCOL.md without resuming: one who comes back is shown everything again.
 *
 * @since 0.1.0
 */
import * as Frame from "../session/Frame.ts"
import { key } from "./InspectorActor.ts"

/** Knows frames; hands out events, the answers of calls, and how it ended. */
const client = `
const protocol = ${Frame.version}
const connect = (token, on) => {
  const url = new URL(document.body.dataset.socket, location.href)
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:"
  const calls = new Map()
  let socket, timer, attach = 0, wait = 500, nextId = 0, isOver = false

  const over = (tell, ...details) => { isOver = true; clearTimeout(timer); socket.close(); tell(...details) }
  const dial = () => {
    on.status("away", "connecting")
    let received = 0, last = Date.now()
    const own = socket = new WebSocket(url)
    const send = (frame) => own.readyState === 1 && own.send(JSON.stringify([frame]))
    const onFrame = ([name, first, second]) => {
      if (name === "welcome") { wait = 500; on.welcome() }
      else if (name === "rejected") over(on.rejected)
      else if (name === "ping") send(["pong"])
      else if (name === "bye" && !("retryAfter" in first.reason) && first.reason._tag === "Kicked") over(on.kicked)
      else if (name === "event") { received++; on.event(first, second) }
      else if (name === "reply" || name === "refused" || name === "chunk") {
        received++
        calls.get(first)?.(name === "reply" && second._tag === "Success" ? second.value : undefined)
        calls.delete(first)
      }
    }
    own.onopen = () =>
      send(["hello", { protocol, actor: "Inspector", key: ${
  JSON.stringify(key)
}, params: { token }, subscriptions: ["sampled"], attach: ++attach }])
    own.onmessage = ({ data }) => {
      last = Date.now()
      const before = received
      for (const frame of JSON.parse(data)) onFrame(frame)
      if (received > before) send(["ack", received])
    }
    // The server says something every second; silence means that the way is gone.
    const watch = setInterval(() => Date.now() - last > 10_000 && own.close(), 2_000)
    own.onclose = () => {
      clearInterval(watch)
      for (const settle of calls.values()) settle(undefined)
      calls.clear()
      if (isOver || own !== socket) return
      on.status("away", "not connected, trying again")
      timer = setTimeout(dial, wait * (0.5 + Math.random()))
      wait = Math.min(10_000, wait * 2)
    }
  }
  dial()
  return {
    leave: () => over(() => {}),
    call: (rpc, payload) => new Promise((resolve) => {
      if (socket.readyState !== 1) return resolve(undefined)
      calls.set(nextId, resolve)
      socket.send(JSON.stringify([["call", nextId++, rpc, payload]]))
    })
  }
}
`

/** What is shown. Rows are changed in place, so that the focus stays where it is. */
const view = `
const $ = (id) => document.getElementById(id)
const text = (element, value) => { if (element.textContent !== value) element.textContent = value }
const number = (value) => value.toLocaleString("en", { maximumFractionDigits: value < 10 && value % 1 ? 1 : 0 })
const age = (since) => {
  const s = Math.max(0, Math.round((Date.now() - since) / 1000))
  return s < 60 ? s + " s" : s < 3600 ? Math.floor(s / 60) + " min" : Math.floor(s / 3600) + " h " + Math.floor(s % 3600 / 60) + " min"
}
const bytes = (n) => n < 1000 ? n + " B" : n < 1e6 ? (n / 1e3).toFixed(1) + " kB" : (n / 1e6).toFixed(1) + " MB"

const rows = (body, items, idOf, make) => {
  const known = new Map(Array.from(body.children, (row) => [row.dataset.id, row]))
  items.forEach((item, i) => {
    const id = idOf(item)
    let row = known.get(id)
    if (row === undefined) {
      row = document.createElement("tr")
      row.dataset.id = id
    }
    known.delete(id)
    make(row, item)
    if (body.children[i] !== row) body.insertBefore(row, body.children[i] ?? null)
  })
  for (const row of known.values()) row.remove()
}
const cells = (row, ...values) =>
  values.forEach(([value, kind = "", full = ""], i) => {
    const cell = row.children[i] ?? row.appendChild(document.createElement(i === 0 ? "th" : "td"))
    if (i === 0) cell.scope = "row"
    cell.className = kind
    if (full !== "") cell.title = full
    text(cell, value)
  })

const charts = [["calls", "calls / s"], ["opened", "opened / s"], ["resumed", "resumed / s"], ["connections", "connections"]]
  .map(([name, label]) => {
    const figure = document.createElement("figure")
    figure.innerHTML = '<figcaption><span></span><b></b></figcaption>' +
      '<svg viewBox="0 0 300 100" preserveAspectRatio="none" role="img"><path class="area"/><path class="line"/></svg>'
    text(figure.querySelector("span"), label)
    $("charts").append(figure)
    return (samples) => {
      const values = samples.map((sample) => sample[name])
      const most = Math.max(1, ...values)
      const last = values.at(-1) ?? 0
      const step = 300 / Math.max(59, values.length - 1)
      const x = (i) => (300 - (values.length - 1 - i) * step).toFixed(1)
      const points = values.map((value, i) => x(i) + " " + (98 - value / most * 94).toFixed(1))
      const line = points.length < 2 ? "" : "M" + points.join("L")
      figure.querySelector(".line").setAttribute("d", line)
      figure.querySelector(".area").setAttribute("d", line && line + "L300 100L" + x(0) + " 100Z")
      text(figure.querySelector("b"), number(last) + ", peak " + number(Math.max(0, ...values)))
      figure.querySelector("svg").setAttribute("aria-label",
        label + ": now " + number(last) + ", peak " + number(Math.max(0, ...values)) + " of " + values.length + " seconds")
    }
  })

const showConnection = (row, one) => {
  cells(row,
    [one.type + " / " + one.key], [one.id.slice(0, 8), "", one.id], [one.status.toLowerCase(), "is " + one.status],
    [age(one.since), "number"], [one.address ?? "unknown"], [one.state || "none", "state", one.state],
    [one.subscriptions.join(", ") || "none", "state", one.subscriptions.join(", ")], [number(one.calls + one.waiting), "number"],
    [number(one.keptFrames) + (one.keptFrames === 1 ? " frame, " : " frames, ") + bytes(one.keptBytes), "number"],
    [one.lastError ?? "none", one.lastError === null ? "" : "error"])
  if (row.children.length > 10) return
  const button = document.createElement("button")
  text(button, "End")
  button.type = "button"
  button.setAttribute("aria-label", "End connection " + one.id.slice(0, 8) + " of " + one.type + " / " + one.key)
  button.onclick = () => askToKick(one)
  const cell = row.appendChild(document.createElement("td"))
  cell.className = "act"
  cell.append(button)
}
const showActor = (row, one) =>
  cells(row, [one.type], [one.key], [number(one.connections), "number"], [number(one.suspended), "number"], [number(one.calls), "number"])

const shown = (found, all) => found === all ? number(all) : number(found) + " of " + number(all)
const showHost = (host) => {
  setStatus(host.isDraining ? "draining" : "live", host.isDraining ? "draining" : "live")
  text($("connections"), number(host.connectionCount))
  text($("suspended"), number(host.suspendedCount))
  text($("actors"), number(host.actorCount))
  text($("defects"), number(host.totals.defects))
  rows($("connection-rows"), host.connections, (one) => one.id, showConnection)
  rows($("actor-rows"), host.actors, (one) => JSON.stringify([one.type, one.key]), showActor)
  text($("connections-shown"), shown(host.connections.length, host.connectionCount))
  text($("actors-shown"), shown(host.actors.length, host.actorCount))
  $("no-connections").hidden = host.connections.length > 0
}
`

/** What its user does. */
const control = `
const setStatus = (is, words) => { $("status").dataset.is = is; text($("status"), words) }
let samples = [], inspector, said
const showSamples = () => {
  for (const show of charts) show(samples)
  const last = samples.at(-1)
  for (const name of ["calls", "opened", "resumed"]) text($(name), number(last?.[name] ?? 0))
}
const say = (words) => {
  text($("said"), words)
  clearTimeout(said)
  said = setTimeout(() => text($("said"), ""), 6_000)
}
const signOut = (words) => {
  inspector?.leave()
  inspector = undefined
  $("view").hidden = $("leave").hidden = true
  $("login").hidden = false
  setStatus("", "signed out")
  text($("login-error"), words)
  $("token").focus()
}
const search = () => inspector?.call("search", { text: $("search").value })

$("login-form").onsubmit = (event) => {
  event.preventDefault()
  text($("login-error"), "")
  inspector?.leave()
  inspector = connect($("token").value, {
    status: setStatus,
    welcome: () => {
      $("token").value = ""
      $("login").hidden = true
      $("view").hidden = $("leave").hidden = false
      setStatus("live", "live")
      if ($("search").value !== "") search()
    },
    rejected: () => signOut("The token is wrong."),
    kicked: () => signOut("The server has ended this session."),
    event: (name, payload) => {
      if (name === "seen") return showHost(payload)
      samples = name === "history" ? payload : [...samples, payload].slice(-300)
      showSamples()
    }
  })
}
$("leave").onclick = () => signOut("")
let typing
$("search").oninput = () => { clearTimeout(typing); typing = setTimeout(search, 200) }

let asked
const askToKick = (one) => {
  asked = one
  text($("kick-which"), one.type + " / " + one.key + ", " + one.id)
  $("reason").value = ""
  $("kick").returnValue = "cancel"
  $("kick").showModal()
  $("reason").focus()
}
// Enter in the field means the button that is asked for, not the first one.
$("reason").onkeydown = (event) => {
  if (event.key !== "Enter") return
  event.preventDefault()
  $("kick").close("kick")
}
$("kick").onclose = async () => {
  if ($("kick").returnValue !== "kick") return
  const isEnded = await inspector?.call("kick", { connection: asked.id, reason: $("reason").value })
  say(isEnded === true ? "The connection was ended." : isEnded === false ? "It had gone already." : "That did not work.")
}
$("token").focus()
`

/**
 * The script, as it is served.
 *
 * @category constants
 * @since 0.1.0
 */
export const script = `"use strict"${client}${view}${control}`
