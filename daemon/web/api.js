/* REST for the pages: addresses, the token, refusals. Knows no page. */
"use strict";

class Refusal extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

const Api = (() => {
  // The token lives as long as the tab: a shared tablet forgets it when the browser is closed.
  let token = "";
  try { token = sessionStorage.getItem("sereno.token") ?? ""; } catch { /* kept in memory */ }

  function setToken(value) {
    token = value;
    try { sessionStorage.setItem("sereno.token", value); } catch { /* kept in memory */ }
  }
  async function ask(path, options = {}) {
    const headers = { ...options.headers };
    if (token) headers.Authorization = `Bearer ${token}`;
    const answer = await fetch(path, { ...options, headers, cache: "no-store" });
    const body = answer.headers.get("content-type")?.includes("json") ? await answer.json() : null;
    if (!answer.ok) throw new Refusal(answer.status, body?.detail ?? `HTTP ${answer.status}`);
    return body;
  }
  return {
    get token() { return token; },
    get: (path, query = {}) => ask(`api/v1/${path}?${new URLSearchParams(query)}`),
    post: (path, body) =>
      ask(`api/v1/${path}`, { method: "POST", ...(body && { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }) }),
    async signIn(username, password) {
      const body = JSON.stringify({ username, password });
      const answer = await ask("auth/login", { method: "POST", body, headers: { "Content-Type": "application/json" } });
      setToken(answer.access_token);
    },
    signOut: () => setToken(""),
  };
})();
