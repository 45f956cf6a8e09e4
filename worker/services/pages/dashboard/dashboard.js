
// Fetches status.json once a second, one request at a time, and shows the changes. All data from the server is set as
// text, because part of it (what a worker is doing) comes from clients.
const POLL_MS = 1000, TIMEOUT_MS = 4000, MAX_BACKOFF_MS = 10000, MAX_EVENTS = 60;
const byId = id => document.getElementById(id);
const make = (tag, className = "", text = "") => {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
};

// ---- formatting ----

const count = value => {
  if (value >= 1e6) return (value / 1e6).toFixed(value < 1e7 ? 2 : 1) + " M";
  return Math.round(value).toLocaleString("en");
};
const rate = value => value === null ? "\u2013" : value > 0 && value < 9.95 ? value.toFixed(1) : count(value);
const percent = value => value === null ? "\u2013" : `${(value * 100).toFixed(value < 0.0995 ? 1 : 0)} %`;
const bytes = value => {
  let unit = 0;
  for (; value >= 1000 && unit < 4; ++unit) value /= 1024;
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
};
const wait = seconds => {
  if (seconds >= 1) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const ms = seconds * 1000;
  return `${ms === 0 ? 0 : ms < 1 ? ms.toFixed(2) : ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
};
const span = seconds => {
  const s = Math.floor(seconds), m = Math.floor(s / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);
  return d ? `${d} d ${h % 24} h` : h ? `${h} h ${m % 60} min` : m ? `${m} min ${s % 60} s` : `${s} s`;
};
const reasons = counts => Object.entries(counts).filter(([, value]) => value > 0)
  .map(([name, value]) => `${name} ${count(value)}`).join(", ");
const badgeClass = state => ({ready: "good", serving: "good", starting: "warn", reloading: "warn", retiring: "warn",
  stopping: "warn", gone: "bad", degraded: "bad"})[state] || "soft";

// ---- differences of two samples ----

// The q-th quantile of the waits between two histograms; null if there were none.
function quantile(before, now, q) {
  const counts = now.counts.map((value, i) => value - before.counts[i]);
  let rest = q * counts.reduce((sum, value) => sum + value, 0);
  if (rest <= 0) return null;
  const bounds = now.le_seconds;
  for (let i = 0; i < counts.length; ++i) {
    if (rest <= counts[i] && counts[i] > 0) {
      if (i >= bounds.length) return bounds[bounds.length - 1];
      const low = i > 0 ? bounds[i - 1] : 0;
      return low + (bounds[i] - low) * rest / counts[i];
    }
    rest -= counts[i];
  }
  return bounds[bounds.length - 1];
}

const perSecond = (before, now, seconds) => seconds > 0 ? Math.max(0, now - before) / seconds : null;

// Requests and CPU per worker. A worker measures its CPU time at its heartbeat, independently of our polling.
class WorkerRates {
  constructor() { this.known = new Map(); }

  update(worker, uptime) {
    const at = uptime - worker.heartbeat_age_seconds;
    let last = this.known.get(worker.slot);
    if (!last || last.incarnation !== worker.incarnation) {
      last = {incarnation: worker.incarnation, requests: worker.requests, time: uptime, cpu: worker.cpu_seconds,
        cpuAt: at, rates: {requests: null, cpu: null}};
      this.known.set(worker.slot, last);
      return last.rates;
    }
    last.rates.requests = perSecond(last.requests, worker.requests, uptime - last.time) ?? last.rates.requests;
    Object.assign(last, {requests: worker.requests, time: uptime});
    if (at - last.cpuAt > 0.2) {
      last.rates.cpu = perSecond(last.cpu, worker.cpu_seconds, at - last.cpuAt);
      Object.assign(last, {cpu: worker.cpu_seconds, cpuAt: at});
    }
    return last.rates;
  }
}

// ---- the parts of the page ----

const tiles = {};
function tile(key, name, value, more = "", className = "") {
  if (!tiles[key]) {
    const box = make("div", "tile");
    box.id = `tile-${key}`;
    tiles[key] = [make("span", "name", name), make("b"), make("span", "more")];
    box.append(...tiles[key]);
    byId("tiles").append(box);
  }
  const [, bold, below] = tiles[key];
  bold.textContent = value;
  bold.className = className;
  below.textContent = below.title = more;
}

function showTiles(status, rates) {
  const workers = status.workers.filter(worker => worker.pid > 0);
  const busy = workers.reduce((sum, worker) => sum + worker.connections, 0);
  const memory = workers.reduce((sum, worker) => sum + worker.rss_bytes, 0);
  tile("rate", "Requests/s", rate(rates.requests), `${count(status.requests)} in all`);
  const queue = status.waiting > 0 ? `${count(status.waiting)} wait for a worker` : "";
  tile("connections", "Connections", count(busy), queue || `${count(status.accepted)} accepted`, queue ? "warn" : "");
  tile("parked", "Parked", count(status.parked), `${count(status.handed_back)} handed back`);
  tile("wait", "Dispatch wait p99", rates.p99 === null ? "\u2013" : wait(rates.p99),
    rates.p50 === null ? "no new connections" : `p50 ${wait(rates.p50)}`);
  if (status.pools.some(pool => pool.kind === "tls")) {
    tile("tls", "TLS handshakes", count(status.tls.handshakes),
      `${count(status.tls.resumed)} resumed, ${count(status.tls.failed)} failed`);
  }
  tile("lost", "Lost", count(status.lost), reasons(status.lost_by) || "no connection was cut off",
    status.lost ? "bad" : "good");
  tile("restarts", "Restarts", count(status.restarts), reasons(status.restarts_by) || "no worker was restarted",
    status.restarts ? "warn" : "");
  tile("cpu", "CPU of workers", percent(rates.cpu), `master ${percent(rates.masterCpu)}`);
  tile("memory", "Memory of workers", bytes(memory), `master ${bytes(status.master.rss_bytes)}`);
}

function showIdentity(status) {
  byId("state").textContent = status.state;
  byId("state").className = `badge ${badgeClass(status.state)}`;
  const shown = {version: status.version, pid: status.pid, generation: status.generation,
    up: span(status.uptime_seconds)};
  byId("identity").replaceChildren(...Object.entries(shown).map(([name, value]) => {
    const pair = make("div");
    pair.append(make("dt", "", name), make("dd", "", value));
    pair.lastChild.id = name;
    return pair;
  }));
  const ready = status.workers.filter(worker => worker.state === "ready").length;
  byId("ready").textContent = `${ready} ready, ${status.workers_wanted} wanted`;
  byId("ready").className = ready < status.workers_wanted ? "warn" : "";
}

// True if there is a pool besides main.
const hasPools = status => status.pools.some(pool => pool.name !== "main") ||
  status.workers.some(worker => worker.pool !== "main");

function showPools(status) {
  byId("pools").hidden = !hasPools(status);
  byId("pools").replaceChildren(...status.pools.map(pool => {
    const item = make("li");
    const ready = `${pool.ready} ready, ${pool.workers_wanted} wanted`;
    item.dataset.pool = pool.name;
    item.append(make("span", `badge ${badgeClass(pool.state)}`, pool.name),
      make("span", pool.ready < pool.workers_wanted ? "warn" : "", pool.state === "serving" ? ready : `${pool.state}, ${ready}`));
    if (pool.waiting > 0) item.append(make("span", "warn", `${count(pool.waiting)} wait`));
    return item;
  }));
}

const CELLS = [["slot", "slot"], ["state", ""], ["process", "process"], ["meter connections", "connections"],
  ["meter requests", "requests/s"], ["meter cpu", "CPU"], ["meter memory", "memory"], ["queue", "queue"], ["up", "up"],
  ["doing", ""]];

// `place`: sorts the rows by pool, then by slot.
function workerRow(body, slot, place) {
  const found = body.querySelector(`tr[data-slot="${slot}"]`);
  if (found && found.dataset.place === String(place)) return found;
  found?.remove();
  const row = make("tr");
  row.dataset.slot = slot;
  row.dataset.place = place;
  for (const [className, name] of CELLS) {
    const cell = make("td", className);
    cell.dataset.name = name;
    if (className === "slot") cell.append(make("span"), make("small"));
    if (className === "state") cell.append(make("span", "badge"));
    if (className === "process" || className === "queue") cell.append(make("span"), make("small"));
    if (className.startsWith("meter")) cell.append(make("span"), make("div", "bar"));
    row.append(cell);
  }
  body.insertBefore(row, [...body.children].find(other => Number(other.dataset.place) > place) || null);
  return row;
}

function meter(cell, text, share, hot = false) {
  cell.firstChild.textContent = text;
  cell.lastChild.style.setProperty("--fill", Math.min(1, Math.max(0, share || 0)));
  cell.classList.toggle("hot", hot);
}

function showWorkers(status, ratesOf) {
  const body = byId("workers").tBodies[0];
  const slots = new Set(status.workers.map(worker => String(worker.slot)));
  for (const row of [...body.children]) if (!slots.has(row.dataset.slot)) row.remove();
  // All bars of a column share one scale, which ends at a round number.
  const end = (least, pick) => niceCeiling(Math.max(least, ...status.workers.map(pick)));
  const scale = {connections: end(10, worker => worker.connections), memory: end(1, worker => worker.rss_bytes),
    requests: end(10, worker => ratesOf.get(worker).requests || 0)};
  for (const worker of status.workers) {
    const pool = status.pools.findIndex(each => each.name === worker.pool);
    const row = workerRow(body, worker.slot, (pool < 0 ? status.pools.length : pool) * 1024 + worker.slot);
    const [slot, state, process, connections, requests, cpu, memory, queue, up, doing] = row.children;
    const rates = ratesOf.get(worker);
    if (row.dataset.incarnation && row.dataset.incarnation !== String(worker.incarnation) && worker.pid > 0) {
      row.classList.remove("fresh");
      void row.offsetWidth;  // restarts the animation
      row.classList.add("fresh");
    }
    row.dataset.incarnation = worker.incarnation;
    slot.firstChild.textContent = worker.slot;
    slot.lastChild.textContent = hasPools(status) ? worker.pool : "";
    state.firstChild.textContent = worker.state;
    state.firstChild.className = `badge ${badgeClass(worker.state)}`;
    process.firstChild.textContent = worker.pid > 0 ? `pid ${worker.pid}` : "none";
    process.lastChild.textContent = `#${worker.incarnation}, generation ${worker.generation}`;
    meter(connections, count(worker.connections), worker.connections / scale.connections);
    meter(requests, rate(rates.requests), rates.requests / scale.requests);
    meter(cpu, percent(rates.cpu), rates.cpu, rates.cpu > 0.9);
    meter(memory, bytes(worker.rss_bytes), worker.rss_bytes / scale.memory);
    queue.firstChild.textContent = count(worker.queued);
    queue.lastChild.textContent = threadsText(worker.threads);
    up.textContent = worker.pid > 0 ? span(worker.uptime_seconds) : "\u2013";
    showDoing(doing, worker);
  }
}

// Empty for a worker without application threads.
function threadsText(threads) {
  if (!threads) return "";
  const wait = threads.waiting > 0 ? `, ${count(threads.waiting)} wait` : "";
  return `${count(threads.busy)} of ${count(threads.of)} threads busy${wait}`;
}

function showDoing(cell, worker) {
  const idle = /^nothing(?:; last: ([^]*))?$/.exec(worker.doing);
  const silent = worker.heartbeat_age_seconds;
  let text = idle ? (idle[1] ? `idle, last ${idle[1]}` : "idle") : worker.doing.replace(/ for 0\.0\d+ s$/, "");
  if (worker.state === "gone") text = "will be restarted";
  else if (silent > 3) text = `has not answered for ${span(silent)}: ${worker.doing}`;
  cell.textContent = cell.title = text;
  cell.className = `doing ${silent > 3 || worker.state === "gone" ? "bad" : idle ? "soft" : ""}`;
}

function showListeners(status, before, seconds) {
  const accepted = new Map((before ? before.listeners : []).map(listener => [listener.address, listener.accepted]));
  byId("listeners").tBodies[0].replaceChildren(...status.listeners.map(listener => {
    const row = make("tr");
    const address = make("td", "", listener.address), state = make("td");
    address.append(make("small", "", listener.service));
    state.append(make("span", `badge ${listener.paused ? "warn" : "good"}`, listener.paused ? "paused" : "accepting"));
    const last = accepted.get(listener.address);
    row.append(address, make("td", "", count(listener.accepted)),
      make("td", "", rate(last === undefined ? null : perSecond(last, listener.accepted, seconds))), state);
    return row;
  }));
}

function tell(text, className = "") {
  const list = byId("events");
  const line = make("li", className);
  line.append(make("time", "", new Date().toLocaleTimeString("en-GB")), make("span", "", text));
  list.querySelector(".none")?.remove();
  list.prepend(line);
  while (list.children.length > MAX_EVENTS) list.lastChild.remove();
}

// Lists notable changes as events.
function tellChanges(before, status) {
  const grown = key => reasons(Object.fromEntries(
    Object.entries(status[key]).map(([name, value]) => [name, value - (before[key][name] || 0)])));
  if (grown("restarts_by")) tell(`workers ended: ${grown("restarts_by")}`, "warn");
  if (grown("lost_by")) tell(`connections lost: ${grown("lost_by")}`, "bad");
  if (status.generation !== before.generation) tell(`generation ${status.generation} serves`);
  else if (status.state !== before.state) tell(`the server is ${status.state}`);
  if (before.last_reload_successful && !status.last_reload_successful) {
    tell(`a reload was refused; generation ${status.generation} stays in service`, "bad");
  }
  const oldPools = new Map(before.pools.map(pool => [pool.name, pool.state]));
  for (const pool of hasPools(status) ? status.pools : []) {
    const last = oldPools.get(pool.name);
    if (last && last !== pool.state) {
      tell(`pool ${pool.name} is ${pool.state}`, badgeClass(pool.state) === "bad" ? "bad" : "");
    }
  }
  const old = new Map(before.workers.map(worker => [worker.slot, worker]));
  for (const worker of status.workers) {
    const last = old.get(worker.slot);
    old.delete(worker.slot);
    if (worker.pid === 0 || (last && last.incarnation === worker.incarnation && last.pid > 0)) continue;
    const follows = last && last.incarnation !== worker.incarnation ? `, follows #${last.incarnation}` : "";
    tell(`slot ${worker.slot}: worker #${worker.incarnation}, pid ${worker.pid}${follows}`);
  }
  for (const last of old.values()) tell(`slot ${last.slot}: worker #${last.incarnation} has exited`);
  for (const listener of status.listeners) {
    const last = before.listeners.find(other => other.address === listener.address);
    if (last && listener.paused && !last.paused) tell(`${listener.address}: accepting has paused`, "warn");
  }
}

// ---- once a second ----

const charts = [
  new Chart(byId("requests"), {series: [{key: "requests", name: "", className: "", area: true}], least: 10,
    format: value => value === 0 ? "0" : rate(value)}),
  new Chart(byId("wait"), {least: 0.001, format: wait,
    series: [{key: "p50", name: "p50", className: ""}, {key: "p99", name: "p99", className: "second"}]})];
let before = null, workerRates = new WorkerRates(), failures = 0, goneSince = 0, timer = 0;

function show(status) {
  if (before && (before.pid !== status.pid || status.uptime_seconds < before.uptime_seconds)) {
    tell("this is another server, or it was restarted", "warn");
    before = null;
    workerRates = new WorkerRates();
    charts.forEach(chart => chart.clear());
  }
  const seconds = before ? status.uptime_seconds - before.uptime_seconds : 0;
  const ratesOf = new Map(status.workers.map(worker => [worker, workerRates.update(worker, status.uptime_seconds)]));
  const cpus = [...ratesOf.values()].map(rates => rates.cpu).filter(cpu => cpu !== null);
  const rates = {
    requests: before ? perSecond(before.requests, status.requests, seconds) : null,
    p50: before ? quantile(before.dispatch_wait, status.dispatch_wait, 0.5) : null,
    p99: before ? quantile(before.dispatch_wait, status.dispatch_wait, 0.99) : null,
    cpu: cpus.length > 0 ? cpus.reduce((sum, cpu) => sum + cpu, 0) : null,
    masterCpu: masterCpu(status),
  };
  showIdentity(status);
  showTiles(status, rates);
  showPools(status);
  showWorkers(status, ratesOf);
  showListeners(status, before, seconds);
  if (before) {
    for (const chart of charts) chart.add({time: status.uptime_seconds, ...rates});
    tellChanges(before, status);
  }
  before = status;
}

// Measured over some seconds, because the master updates its CPU time only once a second.
const masterTimes = [];
function masterCpu(status) {
  if (masterTimes.length > 0 && masterTimes[0].pid !== status.pid) masterTimes.length = 0;
  masterTimes.push({pid: status.pid, time: status.uptime_seconds, cpu: status.master.cpu_seconds});
  if (masterTimes.length > 6) masterTimes.shift();
  const first = masterTimes[0];
  return perSecond(first.cpu, status.master.cpu_seconds, status.uptime_seconds - first.time);
}

function showGone(next) {
  document.body.classList.add("away");
  byId("gone").hidden = false;
  byId("gone-since").textContent = `For ${span((Date.now() - goneSince) / 1000)} now.`;
  byId("gone-next").textContent = next > POLL_MS ? `Trying again every ${span(next / 1000)}.` : "Trying again.";
  byId("state").textContent = "gone";
  byId("state").className = "badge bad";
}

async function poll() {
  clearTimeout(timer);
  timer = -1;  // a request is running
  try {
    const answer = await fetch("status.json", {cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS)});
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const status = await answer.json();
    if (failures > 0) tell(`the server answers again, after ${span((Date.now() - goneSince) / 1000)}`);
    failures = 0;
    document.body.classList.remove("away");
    byId("gone").hidden = true;
    show(status);
    timer = setTimeout(poll, POLL_MS);
  } catch (error) {
    if (failures === 0) {
      goneSince = Date.now();
      tell("the server does not answer", "bad");
    }
    const next = Math.min(MAX_BACKOFF_MS, POLL_MS * 2 ** Math.min(failures, 8));
    ++failures;
    showGone(next);
    timer = setTimeout(poll, next);
  }
}

// When the page becomes visible again, poll at once instead of after a long pause.
document.addEventListener("visibilitychange", () => { if (!document.hidden && timer !== -1) poll(); });
poll();
