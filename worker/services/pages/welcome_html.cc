#include "worker/services/pages/welcome_html.h"

namespace preforkd {

// Everything from status.json is set with textContent, never as HTML.
const std::string_view kWelcomeHtml = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>preforkd</title>
<style>
:root { --back:#f6f7f9; --card:#fff; --text:#1c2330; --soft:#5c6675; --line:#dde1e8; --accent:#1f6feb;
  --good:#1a7f4b; --warn:#9a6700; --bad:#c2303b; }
@media (prefers-color-scheme: dark) {
  :root { --back:#11151c; --card:#1a2029; --text:#e6eaf1; --soft:#98a3b3; --line:#2c3542; --accent:#6ea8ff;
    --good:#4cc38a; --warn:#e2b341; --bad:#ff7b85; } }
* { box-sizing:border-box; }
body { margin:0; background:var(--back); color:var(--text); font:15px/1.5 system-ui,sans-serif; }
main { max-width:76rem; margin:0 auto; padding:1.5rem 1rem 3rem; }
header { display:flex; flex-wrap:wrap; align-items:baseline; gap:.25rem 1rem; }
h1 { font-size:1.9rem; margin:0; letter-spacing:-.02em; }
h2 { font-size:1.05rem; margin:2rem 0 .6rem; }
p { margin:.4rem 0; color:var(--soft); }
b, td { font-variant-numeric:tabular-nums; }
.badge { border:1px solid currentColor; border-radius:99px; padding:.05rem .7rem; font-size:.85rem; font-weight:600; }
.good { color:var(--good); } .warn { color:var(--warn); } .bad { color:var(--bad); }
#gone { display:none; margin:1rem 0; padding:.7rem 1rem; border-radius:8px; background:var(--bad); color:#fff;
  font-weight:600; }
.away #gone { display:block; } .away .live { opacity:.45; }
#totals { display:grid; grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr)); gap:.7rem; margin-top:1.2rem; }
.tile, .wide { background:var(--card); border:1px solid var(--line); border-radius:10px; }
.tile { padding:.6rem .9rem; }
.tile span { display:block; color:var(--soft); font-size:.82rem; }
.tile b { font-size:1.35rem; }
.wide { overflow-x:auto; }
table { border-collapse:collapse; width:100%; }
th, td { text-align:right; padding:.45rem .8rem; border-top:1px solid var(--line); white-space:nowrap; }
th { color:var(--soft); font-weight:600; font-size:.82rem; border-top:0; }
th:last-child, td:last-child { text-align:left; max-width:24rem; overflow:hidden; text-overflow:ellipsis; }
tr.me td { background:color-mix(in srgb, var(--accent) 14%, transparent); }
@media (max-width:40rem) {
  thead { display:none; } .wide { background:none; border:0; }
  tr { display:grid; grid-template-columns:1fr 1fr; background:var(--card); border:1px solid var(--line);
    border-radius:10px; margin-bottom:.7rem; padding:.3rem 0; overflow:hidden; }
  td, td:last-child { display:flex; justify-content:space-between; gap:.6rem; border:0; padding:.15rem .8rem; }
  td::before { content:attr(data-name); color:var(--soft); }
  td:last-child { grid-column:1/-1; max-width:none; white-space:normal; overflow-wrap:anywhere; } }
</style>
</head>
<body>
<main>
<header>
<h1>preforkd</h1>
<span id="state" class="badge">connecting</span>
<span id="version"></span>
</header>
<p id="who">It works. This page asks for <code>/status.json</code> once a second.</p>
<div id="gone" role="alert">The server does not answer. Still asking.</div>
<div class="live">
<div id="totals"></div>
<h2>Workers</h2>
<div class="wide"><table>
<thead><tr id="head"></tr></thead>
<tbody id="workers"></tbody>
</table></div>
</div>
<p>This page is built in. <code>preforkd --root DIR</code> serves the files of a folder.</p>
<noscript><p>Without JavaScript: <a href="/status.json">status.json</a></p></noscript>
</main>
<script>
"use strict";
const byId = id => document.getElementById(id);
const number = value => Number(value).toLocaleString("en");
const span = seconds => {
  const s = Math.floor(seconds), d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24;
  const m = Math.floor(s / 60) % 60;
  return d ? `${d}d ${h}h` : h ? `${h}h ${m}m` : m ? `${m}m ${s % 60}s` : `${s}s`;
};
const columns = [["slot", "slot"], ["incarnation", "incarnation"], ["generation", "generation"], ["pid", "pid"],
  ["state", "state"], ["connections", "connections", number], ["queued", "queued", number],
  ["requests", "requests", number], ["uptime", "uptime_seconds", span], ["doing", "doing", text => text || "\u2013"]];
const totals = [["uptime", "uptime_seconds", span], ["generation", "generation", number],
  ["accepted", "accepted", number], ["parked", "parked", number], ["lost", "lost", number],
  ["handed over", "handed_over", number], ["handed back", "handed_back", number],
  ["reclaimed", "reclaimed", number], ["restarts", "restarts", number]];
const badgeClass = {ready: "good", serving: "good", starting: "warn", reloading: "warn", retiring: "warn",
  stopping: "warn", gone: "bad"};
const element = (tag, text, className) => {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
};
byId("head").replaceChildren(...columns.map(([name]) => element("th", name)));

function showTotals(status) {
  byId("totals").replaceChildren(...totals.map(([name, key, text]) => {
    const tile = element("div", "", "tile");
    tile.append(element("span", name), element("b", text(status[key]), key === "lost" && status[key] ? "bad" : ""));
    return tile;
  }));
}
function showWorkers(status) {
  byId("workers").replaceChildren(...status.workers.map(worker => {
    const row = element("tr", "", worker.slot === status.answered_by.slot ? "me" : "");
    for (const [name, key, text = String] of columns) {
      const cell = element("td", text(worker[key]), key === "state" ? badgeClass[worker[key]] : "");
      cell.dataset.name = name;
      row.append(cell);
    }
    return row;
  }));
}
function show(status) {
  byId("state").textContent = status.state;
  byId("state").className = "badge " + (badgeClass[status.state] || "");
  byId("version").textContent = `version ${status.version}, master pid ${status.pid}`;
  byId("who").textContent =
    `This request was answered by the worker in slot ${status.answered_by.slot}, pid ${status.answered_by.pid}.`;
  showTotals(status);
  showWorkers(status);
}
async function refresh() {
  const stop = new AbortController();
  const limit = setTimeout(() => stop.abort(), 3000);
  try {
    const answer = await fetch("/status.json", {cache: "no-store", signal: stop.signal});
    if (!answer.ok) throw new Error(answer.status);
    show(await answer.json());
    document.body.classList.remove("away");
  } catch (error) {
    document.body.classList.add("away");
    byId("state").textContent = "gone";
    byId("state").className = "badge bad";
  }
  clearTimeout(limit);
  setTimeout(refresh, 1000);
}
refresh();
</script>
</body>
</html>
)html";

}  // namespace preforkd
