/* One sensor's chart as SVG: a panel per quantity, the spread of each bucket, the forecast with its 90 % band.
   Given plain numbers; knows nothing of where they come from. */
"use strict";

const Chart = (() => {
  const NS = "http://www.w3.org/2000/svg";
  const PANEL = 130;
  const LEFT = 42;
  const RIGHT = 8;
  const FOOT = 20;

  function node(name, attributes, text) {
    const element = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // Round steps (1, 2, 5 times a power of ten) that give three to six lines.
  function ticks(low, high) {
    const rough = (high - low) / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
    const found = [];
    for (let value = Math.ceil(low / step) * step; value <= high + step / 1000; value += step) found.push(value);
    return { found, digits: Math.max(0, -Math.floor(Math.log10(step))) };
  }

  function range(panel) {
    const values = [...panel.points.flatMap((p) => [p.min, p.max]), ...panel.forecast.flatMap((f) => [f.lower, f.upper])];
    if (!values.length) return null;
    const low = Math.min(...values);
    const high = Math.max(...values);
    const room = Math.max((high - low) * 0.08, panel.least / 2);
    return [low - room, high + room];
  }

  // A gap of more than three buckets is a gap: no line is drawn over what nobody measured.
  function runs(points, gap) {
    const parts = [];
    for (const point of points) {
      const last = parts.at(-1);
      if (last && point.t - last.at(-1).t <= gap) last.push(point);
      else parts.push([point]);
    }
    return parts;
  }

  const path = (pairs) => pairs.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

  function drawPanel(svg, panel, top, chart) {
    const limits = range(panel);
    if (!limits) return;
    const [low, high] = limits;
    const x = chart.x;
    const y = (value) => top + PANEL - 8 - ((value - low) / (high - low)) * (PANEL - 20);
    const group = node("g", { class: panel.name });
    const { found, digits } = ticks(low, high);
    for (const value of found) {
      group.append(node("line", { class: "grid", x1: LEFT, x2: chart.width - RIGHT, y1: y(value), y2: y(value) }));
      group.append(node("text", { x: LEFT - 5, y: y(value) + 4, "text-anchor": "end" }, Texts.number(value, digits)));
    }
    for (const run of runs(panel.points, chart.gap)) {
      const upper = run.map((p) => [x(p.t), y(p.max)]);
      const lower = run.map((p) => [x(p.t), y(p.min)]).reverse();
      group.append(node("path", { class: "spread", d: `${path([...upper, ...lower])}Z` }));
      group.append(node("path", { class: "line", d: path(run.map((p) => [x(p.t), y(p.mean)])) }));
    }
    if (panel.forecast.length) {
      const last = panel.points.at(-1);
      const start = last ? [{ t: last.t, value: last.mean, lower: last.mean, upper: last.mean }] : [];
      const all = [...start, ...panel.forecast].filter((f) => f.t <= chart.end);
      const band = [...all.map((f) => [x(f.t), y(f.upper)]), ...all.map((f) => [x(f.t), y(f.lower)]).reverse()];
      group.append(node("path", { class: "band", d: `${path(band)}Z` }));
      group.append(node("path", { class: "guess", d: path(all.map((f) => [x(f.t), y(f.value)])) }));
    }
    svg.append(group);
  }

  function drawTime(svg, chart, bottom) {
    const span = chart.end - chart.start;
    const most = chart.width / 75; // labels that fit beside each other
    const step = [600, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800].find((s) => span / (s * 1000) <= most) ?? 604800;
    const day = step >= 86400;
    const first = new Date(chart.start);
    first.setHours(0, 0, 0, 0);
    for (let t = first.getTime(); t <= chart.end; t += step * 1000) {
      if (t < chart.start) continue;
      const label = Texts.time(new Date(t), day ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit" });
      const x = chart.x(t);
      const anchor = x > chart.width - 30 ? "end" : "middle"; // whole letters at the edge
      svg.append(node("text", { x: anchor === "end" ? chart.width - RIGHT : x, y: bottom + 14, "text-anchor": anchor }, label));
    }
  }

  /* data: { start, end, now (ms), gap (ms), panels: [{ name, unit, least, points: [{t, min, mean, max}],
     forecast: [{t, value, lower, upper}] }], anomalies: [{start, end}] }; tip: element that tells the values. */
  function draw(svg, data, tip) {
    svg.replaceChildren();
    const panels = data.panels.filter((panel) => range(panel));
    const height = Math.max(1, panels.length) * PANEL + FOOT;
    // One unit is one pixel, so that letters keep their size on a phone.
    const width = svg.clientWidth || 640;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const x = (t) => LEFT + ((t - data.start) / (data.end - data.start)) * (width - LEFT - RIGHT);
    const chart = { ...data, x, width };
    for (const { start, end } of data.anomalies) {
      const from = x(Math.max(start, data.start));
      const wide = Math.max(2, x(Math.min(end, data.end)) - from);
      svg.append(node("rect", { class: "anomaly", x: from, y: 0, width: wide, height: height - FOOT }));
    }
    panels.forEach((panel, index) => drawPanel(svg, panel, index * PANEL, chart));
    svg.append(node("line", { class: "now", x1: x(data.now), x2: x(data.now), y1: 0, y2: height - FOOT }));
    drawTime(svg, chart, height - FOOT);
    const cross = node("line", { class: "cross", y1: 0, y2: height - FOOT, visibility: "hidden" });
    svg.append(cross);
    svg.onpointerleave = () => {
      cross.setAttribute("visibility", "hidden");
      tip.textContent = "";
    };
    svg.onpointermove = (event) => {
      const box = svg.getBoundingClientRect();
      const t = data.start + ((event.clientX - box.left - LEFT) / (width - LEFT - RIGHT)) * (data.end - data.start);
      tell(t, panels, data, tip, cross, x);
    };
  }

  const nearest = (points, t) => points.reduce((best, p) => (best && Math.abs(best.t - t) <= Math.abs(p.t - t) ? best : p), null);

  function tell(t, panels, data, tip, cross, x) {
    const ahead = t > data.now;
    const words = [];
    let at = null;
    for (const panel of panels) {
      const point = nearest(ahead ? panel.forecast : panel.points, t);
      if (!point) continue;
      at ??= point.t;
      const value = ahead ? point.value : point.mean;
      const spread = ahead ? ` (${Texts.number(point.lower)} – ${Texts.number(point.upper)})` : "";
      words.push(`${Texts.number(value)} ${panel.unit}${spread}`);
    }
    if (at === null) return;
    cross.setAttribute("visibility", "visible");
    cross.setAttribute("x1", x(at));
    cross.setAttribute("x2", x(at));
    const when = Texts.time(new Date(at), { weekday: "short", hour: "2-digit", minute: "2-digit" });
    tip.textContent = `${when}${ahead ? ` · ${Texts.say("forecast")}` : ""}: ${words.join(" · ")}`;
  }

  return { draw };
})();
