/**
 * The inspector's page. It loads nothing but its own script and style.
 *
 * @since 0.1.0
 */

const tile = (id: string, label: string) => `<div class="tile"><dt>${label}</dt><dd id="${id}">0</dd></div>`

/** A name that begins with `#` is that of a column of numbers. */
const columns = (...names: ReadonlyArray<string>) =>
  `<thead><tr>${
    names.map((name) =>
      name.startsWith("#") ? `<th scope="col" class="number">${name.slice(1)}</th>` : `<th scope="col">${name}</th>`
    ).join("")
  }</tr></thead>`

/**
 * The HTML; `base` is the path of the inspector, without a slash at its end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const html = (base: string): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Tether inspector</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}/style.css">
<script type="module" src="${base}/script.js"></script>
</head>
<body data-socket="${base}/socket">
<header>
  <h1>Tether <span>inspector</span></h1>
  <p id="status" role="status">signed out</p>
  <button id="leave" type="button" hidden>Sign out</button>
</header>
<main id="login">
  <form id="login-form">
    <h2>Sign in</h2>
    <label for="token">Token</label>
    <input id="token" type="password" autocomplete="off" required spellcheck="false" aria-describedby="login-error">
    <p id="login-error" role="alert"></p>
    <button type="submit">Look</button>
    <p class="hint">The token stays in this page and is forgotten when it is closed or loaded anew.</p>
  </form>
</main>
<main id="view" hidden>
  <dl class="tiles">
    ${tile("connections", "connections")}${tile("suspended", "of them suspended")}${tile("actors", "actors")}
    ${tile("calls", "calls / s")}${tile("opened", "opened / s")}${tile("resumed", "resumed / s")}
    ${tile("defects", "defects")}
  </dl>
  <section aria-labelledby="chart-title">
    <h2 id="chart-title">Over time <small>five minutes at most, from when somebody looks</small></h2>
    <div class="charts" id="charts"></div>
  </section>
  <section aria-labelledby="connections-title">
    <div class="bar">
      <h2 id="connections-title">Connections <small id="connections-shown"></small></h2>
      <label for="search">Find</label>
      <input id="search" type="search" maxlength="200" spellcheck="false" placeholder="name, key, id, address, state">
    </div>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="connections-title">
      <table>${
    columns(
      "Actor",
      "Connection",
      "Status",
      "#Age",
      "Address",
      "State",
      "Events",
      "#Calls",
      "#Not acknowledged",
      "Last error",
      `<span class="sr">Action</span>`
    )
  }<tbody id="connection-rows"></tbody></table>
    </div>
    <p id="no-connections" class="hint">No connection is found.</p>
  </section>
  <section aria-labelledby="actors-title">
    <h2 id="actors-title">Actors <small id="actors-shown"></small></h2>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="actors-title">
      <table>${
    columns("Actor", "Key", "#Connections", "#Suspended", "#Calls in flight")
  }<tbody id="actor-rows"></tbody></table>
    </div>
  </section>
</main>
<dialog id="kick" aria-labelledby="kick-title">
  <form method="dialog" id="kick-form">
    <h2 id="kick-title">End this connection?</h2>
    <p><code id="kick-which"></code></p>
    <label for="reason">Reason, which its client is told</label>
    <input id="reason" maxlength="500" autocomplete="off">
    <div class="buttons">
      <button type="submit" value="cancel" formnovalidate>Cancel</button>
      <button type="submit" value="kick" class="danger">End it</button>
    </div>
  </form>
</dialog>
<p id="said" role="status" class="said"></p>
</body>
</html>
`

/**
 * The style.
 *
 * @category constants
 * @since 0.1.0
 */
export const css = `
:root {
  --paper: #f7f6f2; --card: #fff; --ink: #1c1f24; --dim: #5b626c; --line: #dcdad2;
  --rope: #9a3b1d; --calm: #1f6f54; --warn: #8a5a00; --bad: #b3261e;
  font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper);
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --card: #1d2127; --ink: #e8e6e1; --dim: #a2a9b3; --line: #333941;
    --rope: #f0a07c; --calm: #6fcfa8; --warn: #e6b450; --bad: #ff8a80;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; padding: 0 clamp(12px, 3vw, 40px) 80px; }
header { display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: baseline; padding: 20px 0 12px; }
h1 { margin: 0; font-size: 1.35rem; letter-spacing: -.02em; }
h1 span { color: var(--rope); font-weight: 400; }
h2 { margin: 0; font-size: 1rem; }
h2 small { color: var(--dim); font-weight: 400; }
#status { margin: 0; color: var(--dim); }
#status::before { content: ""; display: inline-block; width: .6em; height: .6em; margin-right: .45em;
  border-radius: 50%; background: var(--dim); }
#status[data-is="live"]::before { background: var(--calm); }
#status[data-is="draining"]::before { background: var(--warn); }
#status[data-is="away"]::before { background: var(--bad); }
#leave { margin-left: auto; }
section { margin-top: 28px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(120px, 1fr)); gap: 10px; margin: 12px 0 0; }
.tile { display: flex; flex-direction: column-reverse; padding: 12px 14px; background: var(--card);
  border: 1px solid var(--line); border-radius: 8px; }
.tile dt { color: var(--dim); font-size: .85rem; }
.tile dd { margin: 0; font-size: 1.6rem; font-variant-numeric: tabular-nums; line-height: 1.2; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 10px; margin-top: 8px; }
figure { margin: 0; padding: 10px 14px; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
figcaption { display: flex; justify-content: space-between; color: var(--dim); font-size: .85rem; }
figcaption b { color: var(--ink); font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; height: 72px; margin-top: 6px; }
svg path { vector-effect: non-scaling-stroke; fill: none; stroke: var(--rope); stroke-width: 1.75; stroke-linejoin: round; }
svg path.area { fill: var(--rope); opacity: .12; stroke: none; }
.bar { display: flex; flex-wrap: wrap; gap: 6px 10px; align-items: center; }
.bar h2 { margin-right: auto; }
.bar input { flex: 1 1 200px; max-width: 320px; }
.scroll { position: relative; overflow-x: auto; margin-top: 8px; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { padding: 7px 12px; text-align: left; vertical-align: top; white-space: nowrap; }
th { color: var(--dim); font-weight: 500; border-bottom: 1px solid var(--line); }
tbody tr + tr > * { border-top: 1px solid var(--line); }
tbody th { color: var(--ink); border-bottom: 0; }
.number { font-variant-numeric: tabular-nums; text-align: right; }
td.act, th:has(.sr) { position: sticky; right: 0; background: var(--card); }
td.act { padding-block: 4px; }
td.state { max-width: 22ch; overflow: hidden; text-overflow: ellipsis; }
td.state:hover, td.state:focus-within { white-space: normal; overflow-wrap: anywhere; }
code { font: .85em ui-monospace, monospace; }
.is { color: var(--calm); }
.is.Suspended { color: var(--warn); }
.error { color: var(--bad); }
button, input { font: inherit; color: inherit; padding: 6px 12px; border: 1px solid var(--dim); border-radius: 6px;
  background: var(--card); }
button { cursor: pointer; }
button:hover { border-color: var(--ink); }
.danger { color: var(--bad); border-color: var(--bad); }
td button { padding: 2px 10px; }
:focus-visible { outline: 2px solid var(--rope); outline-offset: 2px; }
#login { display: grid; place-items: center; min-height: 55vh; }
#login-form { display: grid; gap: 10px; width: min(360px, 100%); padding: 24px; background: var(--card);
  border: 1px solid var(--line); border-radius: 10px; }
#login-error { margin: 0; color: var(--bad); min-height: 1.45em; }
.hint { color: var(--dim); font-size: .85rem; margin: 8px 0 0; }
dialog { border: 1px solid var(--line); border-radius: 10px; padding: 24px; width: min(420px, calc(100vw - 32px));
  color: inherit; background: var(--card); }
dialog::backdrop { background: rgb(0 0 0 / .45); }
dialog form { display: grid; gap: 10px; }
dialog p { margin: 0; overflow-wrap: anywhere; }
.buttons { display: flex; gap: 8px; justify-content: flex-end; }
.said { position: fixed; inset: auto 16px 16px auto; margin: 0; padding: 10px 16px; border-radius: 8px;
  background: var(--ink); color: var(--paper); }
.said:empty { display: none; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
`
