/* The dashboard: current values, a live chart per sensor with its forecast, anomalies, the system's news.
   State comes from REST once and after each reconnect, then from the WebSocket. */
"use strict";

(() => {
  const POINTS = 240;
  const NEWS = 20;
  const RETRY = 3000; // ms
  const AIR_EVERY = 60000; // ms between two questions for one sensor's air
  const SKILL_EVERY = 900000; // ms: forecasts are judged each quarter of an hour
  const JUDGED = 24; // forecasts whose moment has come, 6 h: before that their shares say nothing
  const HOUR = 3600; // s
  const UNKNOWN_MODEL = "desconocido"; // the wire's word
  const byId = (id) => document.getElementById(id);
  const sensors = new Map(); // id -> { data, latest, points, forecasts, element, ... }
  const anomalies = new Map();
  let news = [];
  let live = null;
  let state = ["connecting", ""];
  let status = null;
  let warming = new Map(); // id -> its report, while its anomaly model has too little history
  let loaded = false;

  const period = () => Number(byId("period").value);

  function text(tag, className, words) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.textContent = words;
    return element;
  }

  // Sensors ------------------------------------------------------------------------------------------------------

  function card(sensor) {
    const element = document.createElement("section");
    element.className = "card";
    const top = document.createElement("div");
    top.className = "top";
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "chart");
    svg.setAttribute("role", "img");
    const parts = {
      name: text("h3", "", ""), badge: text("span", "badge", ""), values: text("div", "values", ""), quiet: text("p", "quiet", ""),
      air: text("p", "quiet air", ""), skill: text("p", "quiet skill", ""), risks: text("ul", "risks", ""), svg, tip: text("div", "quiet tip", ""),
    };
    parts.quiet.style.margin = "0";
    top.append(parts.name, text("span", "spring", ""), parts.badge);
    element.append(top, parts.values, parts.air, parts.skill, parts.risks, svg, parts.tip, parts.quiet);
    sensor.element = element;
    sensor.parts = parts;
    byId("cards").append(element);
  }

  function renderCard(sensor) {
    const { data, latest, parts, element } = sensor;
    parts.name.textContent = data.nombre ?? data.clave;
    element.setAttribute("aria-label", parts.name.textContent);
    parts.name.title = data.clave;
    parts.badge.textContent = Texts.say(data.estado);
    parts.badge.className = `badge ${data.estado === "activo" ? "good" : "warn"}`;
    element.classList.toggle("silent", data.estado !== "activo");
    parts.values.replaceChildren();
    for (const [key, quantity, unit] of [["temperatura", "temperature", degreeUnit()], ["humedad", "humidity", "%"]]) {
      if (latest[key] === undefined) continue;
      const value = key === "temperatura" ? Texts.degrees(latest[key]) : latest[key];
      const box = text("span", `value ${quantity}`, Texts.number(value));
      box.append(text("small", "", ` ${unit}`));
      parts.values.append(box);
    }
    renderAir(sensor);
    renderRisks(sensor);
    renderSkill(sensor);
    renderAge(sensor);
  }

  // What the daemon derives from the readings; a quantity that they do not tell is left out.
  function renderAir({ air, parts }) {
    const shown = [["punto_rocio", "dewPoint", 1, Texts.degrees, degreeUnit()], ["punto_escarcha", "frostPoint", 1, Texts.degrees, degreeUnit()],
      ["humedad_absoluta", "absolute", 1, (v) => v, "g/m³"], ["deficit_presion_vapor", "deficit", 2, (v) => v, "kPa"]];
    parts.air.textContent = shown.filter(([key]) => typeof air?.[key] === "number")
      .map(([key, word, digits, scale, unit]) => `${Texts.say(word)} ${Texts.number(scale(air[key]), digits)} ${unit}`).join(" · ");
    parts.air.hidden = !parts.air.textContent;
  }

  // What is to come in words: limits that will be passed, then the risks of the place.
  function renderRisks({ air, warnings, parts }) {
    parts.risks.replaceChildren();
    for (const warning of warnings) {
      const item = document.createElement("li");
      const times = Texts.say("likely", Texts.clock(new Date(warning.fecha_prediccion)), Texts.clock(new Date(warning.created_at)));
      item.append(text("span", "badge warn", Texts.say("warning")), " ", Texts.inDegrees(Texts.of(warning, "comentario")), " ", text("span", "quiet", times));
      parts.risks.append(item);
    }
    for (const risk of air?.riesgos ?? []) {
      if (risk.nivel === "ninguno") continue;
      const item = document.createElement("li");
      item.append(text("span", `badge ${{ bajo: "", medio: "warn", alto: "bad" }[risk.nivel]}`, Texts.say(risk.nivel)), " ", Texts.inDegrees(Texts.of(risk, "comentario")));
      parts.risks.append(item);
    }
    parts.risks.hidden = !parts.risks.childElementCount;
  }

  // A page that nobody looks at asks nothing; a burst of readings is one question.
  async function loadAir(sensor) {
    if (document.hidden || Date.now() - sensor.airAsked < AIR_EVERY) return;
    sensor.airAsked = Date.now();
    sensor.air = await Api.get(`sensors/${sensor.data.id}/air`);
    renderAir(sensor);
    renderRisks(sensor);
  }

  // One question for all sensors: when a warning came or a limit was passed, and each minute, for they end by themselves.
  async function loadWarnings() {
    if (document.hidden) return;
    const rows = await Api.get("predictions/warnings");
    for (const sensor of sensors.values()) {
      const before = sensor.warnings.length;
      sensor.warnings = rows.filter((row) => row.sensor_id === sensor.data.id);
      if (before || sensor.warnings.length) renderRisks(sensor);
    }
  }

  let askingWarnings = null;
  function askWarnings() {
    askingWarnings ??= setTimeout(() => {
      askingWarnings = null;
      attempt(loadWarnings);
    }, 500);
  }

  // How good its forecasts have been, at the horizon that is nearest to an hour.
  function renderSkill({ skill, parts }) {
    const enough = skill.filter((row) => row.juzgadas >= JUDGED);
    const horizon = enough.map((row) => row.horizonte_s).sort((a, b) => Math.abs(a - HOUR) - Math.abs(b - HOUR))[0];
    const words = enough.filter((row) => row.horizonte_s === horizon).map((row) => {
      const quantity = Texts.say({ temperatura: "temperature", humedad: "humidity" }[row.magnitud]);
      return [Texts.say("inBand", quantity, Texts.number(100 * row.cobertura, 0)), better(row.mejora)].filter(Boolean).join(", ");
    });
    parts.skill.textContent = words.length ? Texts.say("skill", Texts.span(horizon), words.join(" · ")) : "";
    parts.skill.hidden = !words.length;
  }

  function better(share) {
    if (share === null) return "";
    const percent = Math.round(100 * share);
    return percent ? Texts.say(percent > 0 ? "better" : "worse", Texts.number(Math.abs(percent), 0)) : Texts.say("noBetter");
  }

  async function loadSkill(sensor) {
    if (document.hidden || Date.now() - sensor.skillAsked < SKILL_EVERY) return;
    sensor.skillAsked = Date.now();
    sensor.skill = await Api.get("predictions/skill", { sensor_id: sensor.data.id });
    renderSkill(sensor);
  }

  function renderAge(sensor) {
    const { data, latest, parts } = sensor;
    const seen = latest.at ? Texts.say("ago", Texts.age((Date.now() - latest.at) / 1000)) : Texts.say("never");
    const report = warming.get(data.id);
    const warmUp = report ? Texts.say("warmingUp", Texts.number(report.warm_up_h, 0), Texts.number(report.warm_up_of_h, 0)) : "";
    const model = data.modelo === UNKNOWN_MODEL ? "" : data.modelo;
    parts.quiet.textContent = [model, seen, warmUp].filter(Boolean).join(" · ");
  }

  const degreeUnit = () => (Texts.fahrenheit ? "°F" : "°C");

  function chartData(sensor) {
    const now = Date.now();
    const ahead = Math.min(period(), 86400) * 1000;
    const panels = [["temperatura", "temperature", degreeUnit(), 1, Texts.degrees], ["humedad", "humidity", "%", 4, (v) => v]].map(
      ([key, name, unit, least, scale]) => ({
        name, unit, least,
        points: sensor.points.filter((p) => p[key]).map((p) => ({ t: p.t, min: scale(p[key].min), mean: scale(p[key].mean), max: scale(p[key].max) })),
        forecast: [...sensor.forecasts.values()]
          .filter((f) => f.magnitud === key && Date.parse(f.fecha_prediccion) > now)
          .map((f) => ({ t: Date.parse(f.fecha_prediccion), value: scale(f.valor), lower: scale(f.inferior), upper: scale(f.superior) }))
          .filter((f) => f.t <= now + ahead)
          .sort((a, b) => a.t - b.t),
      }),
    );
    const spans = [...anomalies.values()].filter((a) => a.sensor_id === sensor.data.id)
      .map((a) => ({ start: Date.parse(a.created_at), end: a.resuelta_en ? Date.parse(a.resuelta_en) : now }))
      .filter((a) => a.end > now - period() * 1000);
    const bucket = (period() * 1000) / POINTS;
    return { start: now - period() * 1000, end: now + ahead, now, gap: Math.max(3 * bucket, 4 * (sensor.interval ?? 0)), panels, anomalies: spans };
  }

  function drawChart(sensor) {
    const { svg, tip } = sensor.parts;
    const data = chartData(sensor);
    svg.toggleAttribute("hidden", !data.panels.some((panel) => panel.points.length || panel.forecast.length));
    svg.setAttribute("aria-label", Texts.say("chart", sensor.data.nombre ?? sensor.data.clave, byId("period").selectedOptions[0].text));
    Chart.draw(svg, data, tip);
  }

  // Charts are drawn at most once a frame, however many events a commit brought.
  const stale = new Set();
  let asked = 0;
  function redraw(sensor) {
    stale.add(sensor);
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      for (const each of stale) drawChart(each);
      stale.clear();
    });
  }

  function addSensor(data) {
    const known = sensors.get(data.id);
    if (known) {
      known.data = data;
      return known;
    }
    const sensor = {
      data, latest: {}, points: [], forecasts: new Map(), interval: null,
      air: null, airAsked: -AIR_EVERY, warnings: [], skill: [], skillAsked: -SKILL_EVERY,
    };
    sensors.set(data.id, sensor);
    card(sensor);
    byId("no-sensors").hidden = true;
    return sensor;
  }

  function forget(id) {
    sensors.get(id)?.element.remove();
    sensors.delete(id);
    byId("no-sensors").hidden = sensors.size > 0;
  }

  function takeReading(sensor, reading) {
    if (reading.calidad === "invalida") return;
    const t = Date.parse(reading.timestamp);
    if (!sensor.latest.at || t >= sensor.latest.at) {
      if (sensor.latest.at && t > sensor.latest.at) sensor.interval = t - sensor.latest.at;
      sensor.latest.at = t;
      for (const key of ["temperatura", "humedad"]) if (reading[key] !== null) sensor.latest[key] = reading[key];
    }
    const point = { t };
    for (const key of ["temperatura", "humedad"]) {
      if (reading[key] !== null) point[key] = { min: reading[key], mean: reading[key], max: reading[key] };
    }
    sensor.points.push(point);
    const last = sensor.points.at(-2);
    if (last && last.t > t) sensor.points.sort((a, b) => a.t - b.t);
    if (sensor.points.length > 4 * POINTS) sensor.points.splice(0, sensor.points.length - 3 * POINTS);
  }

  async function loadSeries(sensor) {
    const start = new Date(Date.now() - period() * 1000).toISOString();
    const buckets = await Api.get("readings/series", { sensor_id: sensor.data.id, desde: start, puntos: POINTS });
    sensor.points = buckets.map((bucket) => ({
      t: Date.parse(bucket.timestamp),
      ...Object.fromEntries(["temperatura", "humedad"].filter((key) => bucket[key].count)
        .map((key) => [key, { min: bucket[key].min, mean: bucket[key].mean, max: bucket[key].max }])),
    }));
    if (sensor.points.length > 1) sensor.interval ??= sensor.points.at(-1).t - sensor.points.at(-2).t;
    redraw(sensor);
  }

  async function loadSensor(sensor) {
    const id = sensor.data.id;
    const [readings, forecasts] = await Promise.all([
      Api.get("readings", { sensor_id: id, limit: 20 }),
      Api.get("predictions/latest", { sensor_id: id }),
      loadSeries(sensor),
      loadAir(sensor),
      loadSkill(sensor),
    ]);
    for (const reading of readings.reverse()) {
      if (reading.calidad === "invalida") continue;
      sensor.latest.at = Math.max(sensor.latest.at ?? 0, Date.parse(reading.timestamp));
      for (const key of ["temperatura", "humedad"]) if (reading[key] !== null) sensor.latest[key] = reading[key];
    }
    for (const forecast of forecasts) if (!forecast.comentario) sensor.forecasts.set(`${forecast.magnitud}/${forecast.horizonte_s}`, forecast);
    renderCard(sensor);
    redraw(sensor);
  }

  // Anomalies and news -------------------------------------------------------------------------------------------

  function renderAnomalies() {
    const list = byId("anomalies");
    list.replaceChildren();
    const shown = [...anomalies.values()].sort((a, b) => (a.estado === b.estado ? b.id - a.id : a.estado === "abierta" ? -1 : 1)).slice(0, NEWS);
    for (const anomaly of shown) {
      const item = document.createElement("li");
      const open = anomaly.estado === "abierta";
      const sensor = sensors.get(anomaly.sensor_id);
      const when = Texts.time(new Date(anomaly.created_at), { dateStyle: "short", timeStyle: "short" });
      item.append(
        text("span", `badge ${open ? "bad" : ""}`, Texts.say(anomaly.estado)), " ",
        ...(anomaly.veredicto ? [text("span", "badge", Texts.say(anomaly.veredicto)), " "] : []),
        text("b", "", Texts.known(anomaly.tipo) ? Texts.say(anomaly.tipo) : anomaly.tipo), ` · ${sensor?.data.nombre ?? `#${anomaly.sensor_id}`} `,
        text("span", "quiet", when), text("div", "", Texts.of(anomaly, "explicacion")),
      );
      const buttons = choices(anomaly);
      if (buttons.childElementCount) item.append(buttons);
      list.append(item);
    }
    if (!shown.length) list.append(text("li", "quiet", Texts.say("none")));
  }

  // A model learns from a verdict, which may come after the anomaly is over; a limit has nothing to learn.
  function choices(anomaly) {
    const row = document.createElement("div");
    row.className = "choices";
    if (anomaly.estado === "abierta") row.append(resolveButton(anomaly, "resolve"));
    if (anomaly.tipo === "patron_inusual" && !anomaly.veredicto) {
      row.append(resolveButton(anomaly, "falsa", { veredicto: "falsa" }), resolveButton(anomaly, "cierta", { veredicto: "cierta" }));
    }
    return row;
  }

  function resolveButton(anomaly, word, body) {
    const button = text("button", "small", Texts.say(word));
    button.type = "button";
    button.addEventListener("click", async () => {
      button.disabled = true;
      await attempt(() => Api.post(`anomalies/${anomaly.id}/resolve`, body));
      button.disabled = false;
    });
    return button;
  }

  function renderNews() {
    const list = byId("news");
    list.replaceChildren();
    for (const event of news) {
      const item = document.createElement("li");
      item.append(
        text("span", "quiet", Texts.time(new Date(event.timestamp), { dateStyle: "short", timeStyle: "medium" })), " ",
        text("span", event.level, Texts.of(event, "message")),
      );
      list.append(item);
    }
    if (!news.length) list.append(text("li", "quiet", Texts.say("none")));
  }

  // Events -------------------------------------------------------------------------------------------------------

  const takes = {
    sensor(event) {
      if (event.event_type === "deleted") {
        forget(event.entity_id);
      } else {
        const fresh = !sensors.has(event.entity_id);
        const sensor = addSensor(event.data);
        renderCard(sensor);
        askWarnings(); // its limits may be others
        if (fresh) attempt(() => loadSensor(sensor));
      }
    },
    lectura(event) {
      const sensor = sensors.get(event.data.sensor_id);
      if (!sensor) return;
      if (event.event_type === "deleted") {
        attempt(() => loadSensor(sensor));
        return;
      }
      takeReading(sensor, event.data);
      renderCard(sensor);
      attempt(() => loadAir(sensor));
      attempt(() => loadSkill(sensor));
      redraw(sensor);
    },
    anomalia(event) {
      if (event.event_type === "deleted") anomalies.delete(event.entity_id);
      else anomalies.set(event.entity_id, event.data);
      renderAnomalies();
      askWarnings(); // one of them may have come true
      const sensor = sensors.get(event.data.sensor_id);
      if (sensor) redraw(sensor);
    },
    prediccion(event) {
      const sensor = sensors.get(event.data.sensor_id);
      if (!sensor) return;
      if (event.data.comentario) { // a warning of a limit or of a risk: the card tells it in words
        askWarnings();
        sensor.airAsked = -AIR_EVERY;
        attempt(() => loadAir(sensor));
        return;
      }
      if (event.event_type === "deleted") return;
      sensor.forecasts.set(`${event.data.magnitud}/${event.data.horizonte_s}`, event.data);
      redraw(sensor);
    },
  };

  function onEvent(event) {
    if (event.type === "system_event") {
      news = [event, ...news].slice(0, NEWS);
      renderNews();
      askStatus();
      if (event.data?.desde) {
        loaded = false; // the log did not reach back: REST fills the gap
        keepLoading();
      }
    } else if (event.type === "entity_event") {
      takes[event.entity_type]?.(event);
    }
  }

  // Loading, signing in ------------------------------------------------------------------------------------------

  async function attempt(work) {
    try {
      await work();
      byId("trouble").hidden = true;
    } catch (error) {
      if (!(error instanceof Refusal) && !(error instanceof TypeError)) throw error;
      if (error.status === 401) signIn();
      else trouble(Texts.say("failed", "sereno", error.message));
    }
  }

  function trouble(sentence) {
    byId("trouble").textContent = sentence;
    byId("trouble").hidden = false;
  }

  async function refreshStatus() {
    status = await Api.get("status");
    warming = new Map(status.sensors.filter((s) => s.anomaly_model === "warming_up" && !s.ignored).map((s) => [s.id, s]));
    renderFrame();
  }

  // News come in bursts, the last twenty at once on connecting: one question answers for all.
  let asking = null;
  function askStatus() {
    asking ??= setTimeout(() => {
      asking = null;
      attempt(refreshStatus);
    }, 500);
  }

  async function load() {
    const [list, open, closed] = await Promise.all([
      Api.get("sensors", { limit: 1000 }),
      Api.get("anomalies", { estado: "abierta", limit: NEWS }),
      Api.get("anomalies", { estado: "resuelta", limit: NEWS }),
      refreshStatus(),
    ]);
    loaded = true;
    const there = new Set(list.map((data) => data.id));
    for (const id of [...sensors.keys()]) if (!there.has(id)) forget(id);
    anomalies.clear();
    for (const anomaly of [...closed, ...open]) anomalies.set(anomaly.id, anomaly);
    for (const data of list.reverse()) addSensor(data);
    byId("no-sensors").hidden = sensors.size > 0;
    renderAll();
    await loadWarnings();
    // One after the other: a Pi with many sensors answers steadily instead of all at once.
    for (const sensor of sensors.values()) await loadSensor(sensor);
  }

  // Until it has worked: a daemon that starts may answer late.
  async function keepLoading() {
    await attempt(load);
    if (!loaded && byId("sign-in-again").hidden) setTimeout(() => loaded || keepLoading(), RETRY);
  }

  function connect() {
    live?.close();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const url = new URL("api/v1/ws", location.href);
    url.protocol = `${scheme}:`;
    const mine = new Live({
      url: url.href, channel: "general", token: Api.token, onEvent,
      onState(word, detail) {
        if (live !== mine) return;
        state = [word, detail];
        renderFrame();
        // Listening first: what happens while REST is asked comes by event.
        // A refusal is no reason to show nothing: a token that has ended shows as such, and who may not follow may read.
        if ((word === "connected" && !loaded) || word === "refused") keepLoading();
      },
    });
    live = mine;
    live.open();
  }

  // A daemon that is not there yet is waited for: the connection comes back by itself.
  async function start() {
    byId("sign-out").hidden = !Api.token;
    byId("sign-in-again").hidden = true;
    loaded = false;
    await attempt(refreshStatus);
    if (byId("sign-in-again").hidden) connect();
  }

  function signIn() {
    live?.close();
    live = null;
    state = ["signedOut", ""];
    renderFrame();
    byId("sign-in-again").hidden = false;
    byId("sign-out").hidden = true;
    const dialog = byId("sign-in");
    if (!dialog.open) dialog.showModal();
  }

  byId("sign-in-again").addEventListener("click", signIn);

  byId("sign-in").querySelector("form").addEventListener("submit", async (submit) => {
    submit.preventDefault();
    const form = new FormData(submit.target);
    try {
      await Api.signIn(form.get("username"), form.get("password"));
      byId("sign-in").close();
      byId("sign-in-error").hidden = true;
      await start();
    } catch (error) {
      if (!(error instanceof Refusal) && !(error instanceof TypeError)) throw error;
      byId("sign-in-error").textContent = error.status === 401 ? Texts.say("wrongPassword") : Texts.say("wrong", error.message);
      byId("sign-in-error").hidden = false;
    }
  });
  byId("sign-out").addEventListener("click", () => {
    Api.signOut();
    location.reload();
  });

  // The frame ----------------------------------------------------------------------------------------------------

  function renderFrame() {
    const [word, detail] = state;
    byId("state").textContent = Texts.say(word, typeof detail === "number" ? detail.toFixed(0) : detail);
    byId("dot").className = `dot ${{ connected: "up", connecting: "wait", waiting: "wait", refused: "down" }[word] ?? ""}`;
    byId("demo").hidden = !status?.demo;
    const learning = status?.models?.learning ?? 0;
    byId("learning").hidden = !learning;
    if (learning) byId("learning").textContent = Texts.say("learning", learning, sensors.size);
    byId("unhealthy").hidden = !status?.reasons?.length;
    byId("unhealthy").textContent = (status?.reasons ?? []).join(" · ");
    byId("unit").textContent = Texts.fahrenheit ? "°C" : "°F";
    byId("unit").setAttribute("aria-label", Texts.say("showIn", byId("unit").textContent));
  }

  function renderAll() {
    Texts.apply();
    renderFrame();
    renderAnomalies();
    renderNews();
    for (const sensor of sensors.values()) {
      renderCard(sensor);
      redraw(sensor);
    }
  }

  byId("period").addEventListener("change", () => attempt(async () => {
    for (const sensor of sensors.values()) await loadSeries(sensor);
  }));
  byId("unit").addEventListener("click", () => {
    Texts.switchUnit();
    renderAll();
  });
  byId("language").addEventListener("click", () => {
    Texts.switchLanguage();
    renderAll();
  });
  setInterval(() => { for (const sensor of sensors.values()) renderAge(sensor); }, 1000);
  setInterval(() => { if (live) askStatus(); }, 600_000);
  setInterval(() => { if (live) askWarnings(); }, 60_000);
  document.addEventListener("visibilitychange", () => { if (live) askWarnings(); });
  addEventListener("resize", () => { for (const sensor of sensors.values()) redraw(sensor); });
  // The window of time moves on even when nothing arrives.
  setInterval(() => { for (const sensor of sensors.values()) redraw(sensor); }, 60_000);

  renderAll();
  start();
})();
