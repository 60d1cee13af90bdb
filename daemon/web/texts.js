/* The pages' words in both languages, and how numbers and times are written. Knows no page. */
"use strict";

const Texts = (() => {
  const words = {
    es: {
      title: "sereno: en vivo", sensors: "Sensores", anomalies: "Anomalías", news: "Noticias del sistema", none: "Ninguna por ahora.",
      noSensors: "Aún no hay sensores. Un dispositivo que publique por MQTT o por puerto serie aparecerá aquí por sí solo.",
      connecting: "conectando…", connected: "en vivo", waiting: "sin conexión, se reintenta en {0} s", refused: "rechazado: {0}", closed: "desconectado",
      activo: "activo", silencioso: "silencioso", inactivo: "inactivo", ago: "hace {0}", never: "sin lecturas",
      temperature: "temperatura", humidity: "humedad", forecast: "pronóstico", abierta: "abierta", resuelta: "resuelta", resolve: "Resolver",
      dewPoint: "punto de rocío", frostPoint: "punto de escarcha", absolute: "humedad absoluta", deficit: "déficit de vapor",
      warning: "aviso", likely: "hora probable {0} · avisado {1}",
      bajo: "riesgo bajo", medio: "riesgo medio", alto: "riesgo alto",
      skill: "Pronósticos a {0}: {1}", inBand: "{0} {1} % en la banda",
      better: "{0} % mejor que sin cambios", worse: "{0} % peor que sin cambios", noBetter: "no mejor que sin cambios",
      warmingUp: "el modelo aprende: {0} de {1} h", falsa: "Falsa alarma", cierta: "Alarma cierta",
      demo: "Demostración: los dispositivos son emulados; los controladores, la base de datos y los modelos son los reales.",
      learning: "Los modelos aún aprenden de {0} de {1} sensores.", period: "Periodo", user: "Usuario", password: "Contraseña", signIn: "Entrar", signOut: "Salir",
      wrong: "No se pudo entrar: {0}", tester: "Cliente de prueba", docs: "API", until: "hasta {0}", suspect: "dudosa",
      temperatura_alta: "temperatura alta", temperatura_baja: "temperatura baja", humedad_alta: "humedad alta", humedad_baja: "humedad baja",
      sensor_desconectado: "sensor desconectado", lectura_invalida: "lecturas inválidas", patron_inusual: "patrón inusual",
      testTitle: "Cliente de prueba WebSocket", server: "URL del servidor", channel: "Canal", userId: "Usuario (opcional)", token: "Token JWT (opcional)",
      connect: "Conectar", disconnect: "Desconectar", clear: "Limpiar", total: "Eventos", entity: "Entidad", system: "Sistema", lost: "Reconexiones",
      shown: "Se muestran los últimos {0}.", dashboard: "Panel", other: "English", failed: "No se pudo leer {0}: {1}",
      signedOut: "sin sesión", wrongPassword: "Usuario o contraseña incorrectos.", showIn: "Mostrar en {0}", chart: "Gráfico de {0}, {1}",
    },
    en: {
      title: "sereno: live", sensors: "Sensors", anomalies: "Anomalies", news: "System news", none: "None so far.",
      noSensors: "No sensors yet. A device that publishes over MQTT or a serial port appears here by itself.",
      connecting: "connecting…", connected: "live", waiting: "not connected, next try in {0} s", refused: "refused: {0}", closed: "disconnected",
      activo: "active", silencioso: "silent", inactivo: "inactive", ago: "{0} ago", never: "no readings",
      temperature: "temperature", humidity: "humidity", forecast: "forecast", abierta: "open", resuelta: "resolved", resolve: "Resolve",
      dewPoint: "dew point", frostPoint: "frost point", absolute: "absolute humidity", deficit: "vapour deficit",
      warning: "warning", likely: "likely time {0} · told {1}",
      bajo: "low risk", medio: "medium risk", alto: "high risk",
      skill: "Forecasts of {0}: {1}", inBand: "{0} {1} % in the band",
      better: "{0} % better than no change", worse: "{0} % worse than no change", noBetter: "no better than no change",
      warmingUp: "model warming up: {0} of {1} h", falsa: "False alarm", cierta: "Real alarm",
      demo: "Demo: the devices are emulated; drivers, database and models are the real ones.",
      learning: "The models are still learning for {0} of {1} sensors.", period: "Period", user: "User", password: "Password", signIn: "Sign in", signOut: "Sign out",
      wrong: "Could not sign in: {0}", tester: "Test client", docs: "API", until: "until {0}", suspect: "suspect",
      temperatura_alta: "temperature high", temperatura_baja: "temperature low", humedad_alta: "humidity high", humedad_baja: "humidity low",
      sensor_desconectado: "sensor disconnected", lectura_invalida: "invalid readings", patron_inusual: "unusual pattern",
      testTitle: "WebSocket test client", server: "Server URL", channel: "Channel", userId: "User (optional)", token: "JWT token (optional)",
      connect: "Connect", disconnect: "Disconnect", clear: "Clear", total: "Events", entity: "Entity", system: "System", lost: "Reconnections",
      shown: "The last {0} are shown.", dashboard: "Dashboard", other: "Español", failed: "Could not read {0}: {1}",
      signedOut: "signed out", wrongPassword: "Wrong user name or password.", showIn: "Show in {0}", chart: "Chart of {0}, {1}",
    },
  };

  // Storage may be forbidden (private windows, pages from disk): the choice then lasts as long as the page.
  const chosen = new Map();
  function recall(key) {
    try { return localStorage.getItem(`sereno.${key}`) ?? chosen.get(key); } catch { return chosen.get(key); }
  }
  function keep(key, value) {
    chosen.set(key, value);
    try { localStorage.setItem(`sereno.${key}`, value); } catch { /* kept in memory */ }
  }

  let language = recall("language") ?? (navigator.language.startsWith("es") ? "es" : "en");
  let fahrenheit = (recall("unit") ?? (navigator.language === "en-US" ? "F" : "C")) === "F";

  function say(key, ...parts) {
    return words[language][key].replace(/\{(\d)\}/g, (_, index) => String(parts[Number(index)]));
  }
  return {
    say,
    recall,
    keep,
    known: (key) => key in words[language],
    get language() { return language; },
    get fahrenheit() { return fahrenheit; },
    switchLanguage() {
      language = language === "es" ? "en" : "es";
      keep("language", language);
    },
    switchUnit() {
      fahrenheit = !fahrenheit;
      keep("unit", fahrenheit ? "F" : "C");
    },
    // Fill every element that names a text; only text is ever set, never markup.
    apply(root = document) {
      document.documentElement.lang = language;
      for (const element of root.querySelectorAll("[data-text]")) element.textContent = say(element.dataset.text);
    },
    // An event's own sentence in the reader's language.
    of: (object, key) => (language === "en" && object[`${key}_en`]) || object[key] || "",
    degrees: (celsius) => (fahrenheit ? celsius * 1.8 + 32 : celsius),
    // A sentence of what is to come: its temperatures are levels, differences are told in K.
    inDegrees(sentence) {
      if (!fahrenheit) return sentence;
      return sentence.replace(/(-?\d+(?:[.,]\d+)?) °C/g, (_, celsius) =>
        `${(Number(celsius.replace(",", ".")) * 1.8 + 32).toLocaleString(language, { maximumFractionDigits: 1 })} °F`);
    },
    number(value, digits = 1) {
      const shown = Number(value.toFixed(digits)) || 0; // never -0
      return shown.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
    },
    time: (date, options) => date.toLocaleString(language, options),
    // "14:05", with its day where that is not today.
    clock(date) {
      const today = date.toDateString() === new Date().toDateString();
      return date.toLocaleString(language, { ...(today ? {} : { weekday: "short" }), hour: "2-digit", minute: "2-digit" });
    },
    // Exactly: "90 min", "36 h".
    span: (seconds) => (seconds % 3600 === 0 ? `${seconds / 3600} h` : `${Math.round(seconds / 60)} min`),
    age(seconds) {
      for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
      return `${Math.max(0, Math.floor(seconds))} s`;
    },
  };
})();
