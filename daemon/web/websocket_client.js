/* The test client: one connection, its events newest first, coloured by type, counted. */
"use strict";

(() => {
  const SHOWN = 500; // older events leave the page: a busy channel must not fill the browser's memory
  const byId = (id) => document.getElementById(id);
  const counters = { total: 0, entity: 0, system: 0, lost: 0 };
  let live = null;
  let state = ["closed", ""];

  const fromDisk = location.protocol === "file:";
  const secure = location.protocol === "https:";
  byId("url").value = fromDisk ? "ws://localhost:8000/api/v1/ws" : `${secure ? "wss" : "ws"}://${location.host}/api/v1/ws`;
  byId("dashboard").hidden = fromDisk;

  function render() {
    Texts.apply();
    const [word, detail] = state;
    byId("state").textContent = Texts.say(word, typeof detail === "number" ? detail.toFixed(0) : detail);
    byId("dot").className = `dot ${{ connected: "up", connecting: "wait", waiting: "wait", refused: "down" }[word] ?? ""}`;
    const idle = word === "closed" || word === "refused";
    byId("connect").disabled = !idle;
    byId("disconnect").disabled = idle;
    for (const [name, value] of Object.entries(counters)) byId(`count-${name}`).textContent = String(value);
    byId("shown").textContent = counters.total > SHOWN ? Texts.say("shown", SHOWN) : "";
  }

  function title(event) {
    if (event.type === "entity_event") return `${event.entity_type} ${event.event_type} #${event.entity_id}`;
    if (event.type === "system_event") return `${event.level}: ${Texts.of(event, "message")}`;
    return `${event.type} ${event.status ?? event.detail ?? ""}`;
  }

  // Everything that came over the wire is set as text: a device's name is never markup.
  function show(event) {
    const box = document.createElement("article");
    box.className = "event";
    box.classList.add(event.type === "entity_event" ? event.entity_type : event.type);
    const head = document.createElement("div");
    const name = document.createElement("b");
    name.textContent = title(event);
    const when = document.createElement("span");
    when.className = "quiet";
    when.textContent = ` ${Texts.time(new Date(event.timestamp ?? Date.now()), { dateStyle: "short", timeStyle: "medium" })}`;
    const body = document.createElement("pre");
    body.textContent = JSON.stringify(event, null, 2);
    head.append(name, when);
    box.append(head, body);
    byId("events").prepend(box);
    while (byId("events").childElementCount > SHOWN) byId("events").lastElementChild.remove();
  }

  function onEvent(event) {
    if (event.type === "entity_event" || event.type === "system_event") {
      counters.total += 1;
      counters[event.type === "entity_event" ? "entity" : "system"] += 1;
    }
    show(event);
    render();
  }

  byId("settings").addEventListener("submit", (submit) => {
    submit.preventDefault();
    live = new Live({
      url: byId("url").value.trim(),
      channel: byId("channel").value,
      userId: byId("user").value.trim(),
      token: byId("token").value.trim(),
      onEvent,
      onState(word, detail) {
        if (word === "waiting") counters.lost += 1;
        state = [word, detail];
        render();
      },
    });
    live.open();
  });
  byId("disconnect").addEventListener("click", () => live.close());
  byId("clear").addEventListener("click", () => {
    byId("events").replaceChildren();
    for (const name of Object.keys(counters)) counters[name] = 0;
    render();
  });
  byId("language").addEventListener("click", () => {
    Texts.switchLanguage();
    render();
  });
  render();
})();
