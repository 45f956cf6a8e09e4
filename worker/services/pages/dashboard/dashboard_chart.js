
"use strict";
// A chart of the last minutes. Draws its samples in pixels and shows the values under the pointer.
const SHORTEST_SECONDS = 60, LONGEST_SECONDS = 180;

function svgElement(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  return element;
}

// The smallest round number that is at least `value`.
function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find(step => step * power >= value * (1 - 1e-9));
}

class Chart {
  // series: [{key, name, className, area}]. A sample is {time, [key]: number or null}; null is a gap.
  constructor(figure, {series, least, format}) {
    Object.assign(this, {series, least, format, samples: [], pointer: null});
    this.plot = figure.querySelector(".plot");
    this.output = figure.querySelector("output");
    this.svg = svgElement("svg", {role: "img", "aria-label": figure.querySelector("figcaption span").textContent});
    this.plot.append(this.svg);
    this.svg.addEventListener("pointermove", event => { this.pointer = event.offsetX; this.draw(); });
    this.svg.addEventListener("pointerleave", () => { this.pointer = null; this.draw(); });
    new ResizeObserver(() => this.draw()).observe(this.plot);
  }

  add(sample) {
    this.samples.push(sample);
    while (this.samples.length > 1 && this.samples[1].time < sample.time - LONGEST_SECONDS) this.samples.shift();
    this.draw();
  }

  clear() {
    this.samples = [];
    this.draw();
  }

  draw() {
    const width = this.plot.clientWidth, height = this.plot.clientHeight;
    if (width === 0) return;
    const all = this.samples.flatMap(sample => this.series.map(one => sample[one.key])).filter(value => value !== null);
    const top = niceCeiling(Math.max(this.least, ...all));
    const left = 44, right = width - 4, bottom = height - 18, head = 6;
    const end = this.samples.length > 0 ? this.samples[this.samples.length - 1].time : 0;
    const reach = this.samples.length > 0 ? end - this.samples[0].time : 0;
    const shown = Math.min(LONGEST_SECONDS, Math.max(SHORTEST_SECONDS, reach));
    const x = time => right - (end - time) / shown * (right - left);
    const y = value => bottom - value / top * (bottom - head);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const parts = [];
    for (const share of [0, 0.5, 1]) {
      const at = Math.round(y(top * share)) + 0.5;
      parts.push(svgElement("line", {class: "grid", x1: left, x2: right, y1: at, y2: at}));
      parts.push(svgElement("text", {x: left - 6, y: at + 4, "text-anchor": "end"}, this.format(top * share)));
    }
    for (const ago of [180, 120, 60, 30, 0]) {
      if (ago > shown || (ago === 30 && shown > 90)) continue;
      const at = x(end - ago);
      const anchor = ago === 0 ? "end" : at < left + 30 ? "start" : "middle";
      parts.push(svgElement("text", {x: at, y: height - 2, "text-anchor": anchor},
        ago === 0 ? "now" : ago < 60 ? `${ago} s ago` : `${ago / 60} min ago`));
    }
    for (const one of this.series) parts.push(...this.lines(one, x, y, left, bottom));
    const chosen = this.chosen(x);
    if (chosen && this.pointer !== null) parts.push(...this.marks(chosen, x, y, head, bottom));
    this.svg.replaceChildren(...parts);
    this.say(chosen);
  }

  // One path for each run of samples without a gap.
  lines(one, x, y, left, bottom) {
    const runs = [[]];
    for (const sample of this.samples) {
      if (sample[one.key] === null) {
        runs.push([]);
      } else {
        runs[runs.length - 1].push([Math.max(left, x(sample.time)).toFixed(1), y(sample[one.key]).toFixed(1)]);
      }
    }
    const parts = [];
    for (const run of runs.filter(points => points.length > 0)) {
      const path = run.map(point => point.join(" ")).join("L");
      const [first, last] = [run[0], run[run.length - 1]];
      const area = `M${first[0]} ${bottom}L${path}L${last[0]} ${bottom}Z`;
      if (one.area) parts.push(svgElement("path", {class: "area", d: area}));
      if (run.length > 1) parts.push(svgElement("path", {class: `line ${one.className}`, d: `M${path}`}));
      else parts.push(svgElement("circle", {class: `dot ${one.className}`, cx: first[0], cy: first[1], r: 2}));
    }
    return parts;
  }

  // The sample under the pointer, or the last.
  chosen(x) {
    if (this.pointer === null) return this.samples[this.samples.length - 1];
    let best;
    for (const sample of this.samples) {
      if (!best || Math.abs(x(sample.time) - this.pointer) < Math.abs(x(best.time) - this.pointer)) best = sample;
    }
    return best;
  }

  marks(sample, x, y, head, bottom) {
    const at = x(sample.time);
    const parts = [svgElement("line", {class: "rule", x1: at, x2: at, y1: head, y2: bottom})];
    for (const one of this.series.filter(each => sample[each.key] !== null)) {
      parts.push(svgElement("circle", {class: `dot ${one.className}`, cx: at, cy: y(sample[one.key]), r: 3}));
    }
    return parts;
  }

  say(sample) {
    this.output.replaceChildren(...this.series.map(one => {
      const part = document.createElement("i");
      part.className = one.className;
      const value = document.createElement("b");
      value.textContent = sample && sample[one.key] !== null ? this.format(sample[one.key]) : "\u2013";
      part.append(one.name ? one.name + " " : "", value);
      return part;
    }));
  }
}
