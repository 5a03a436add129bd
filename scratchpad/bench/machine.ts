/**
 * On what was measured.
 */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { arch, availableParallelism, cpus, loadavg, release, totalmem, type } from "node:os"

const root = new URL("../../", import.meta.url)

const version = (name: string, from: URL): string => {
  const file = new URL(`node_modules/${name}/package.json`, from)
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).version : "not installed"
}

const commit = (): string => {
  try {
    const git = (...args: ReadonlyArray<string>) =>
      execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim()
    return git("rev-parse", "--short", "HEAD") +
      (git("status", "--porcelain", "--", "src") === "" ? "" : " and changes")
  } catch {
    return "unknown"
  }
}

/** The distribution, where the system tells it. */
const system = (): string => {
  const file = "/etc/os-release"
  const name = existsSync(file) ? /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync(file, "utf8"))?.[1] : undefined
  return `${name ?? type()} (${type()} ${release()}, ${arch()})`
}

export const describe = (): ReadonlyArray<readonly [string, string]> => {
  const bench = new URL("./", import.meta.url)
  const ours = (name: string) => `${name} ${version(name, root)}`
  const peers = (name: string) => `${name} ${version(name, bench)}`
  return [
    ["date", new Date().toISOString().slice(0, 16).replace("T", " ") + " UTC"],
    ["commit", commit()],
    ["CPU", `${cpus()[0]?.model.trim() ?? "unknown"}, ${availableParallelism()} cores`],
    ["memory", `${(totalmem() / 2 ** 30).toFixed(1)} GiB`],
    ["system", system()],
    ["load before", loadavg()[0]!.toFixed(2)],
    ["Node", `${process.version}, V8 ${process.versions.v8}`],
    ["Tether", `on ${ours("effect")}, ${ours("@effect/platform-node")}, ${ours("ws")}`],
    [
      "peers",
      ["ws", "socket.io", "socket.io-client", "rivetkit", "@colyseus/core", "@colyseus/ws-transport", "@colyseus/sdk"]
        .map(peers).join(", ")
    ]
  ]
}
