/* One WebSocket connection that stays: it comes back by itself, and resumes after the last event it has seen.
   Knows the wire contract, nothing of any page. */
"use strict";

class Live {
  /* options: url, channel, userId, token; onEvent(object), onState(word, detail).
     Words: connecting, connected, waiting (detail: seconds), refused (detail: reason), closed. */
  constructor(options) {
    this.options = options;
    this.lastId = null;
    this.attempts = 0;
    this.timer = null;
    this.socket = null;
    this.wanted = false;
  }

  open() {
    this.wanted = true;
    this.connect();
  }

  close() {
    this.wanted = false;
    clearTimeout(this.timer);
    if (this.socket) this.socket.close(1000);
    else this.options.onState("closed", "");
  }

  address() {
    const { url, channel, userId, token } = this.options;
    const address = new URL(url);
    if (token && !address.pathname.endsWith("/secure")) address.pathname = address.pathname.replace(/\/?$/, "/secure");
    address.searchParams.set("channel", channel);
    if (userId) address.searchParams.set("user_id", userId);
    if (this.lastId !== null) address.searchParams.set("since", String(this.lastId));
    return address.href;
  }

  connect() {
    this.options.onState("connecting", "");
    let socket;
    try {
      // A token goes into a header, never into the address: addresses end up in logs.
      socket = this.options.token ? new WebSocket(this.address(), ["bearer", this.options.token]) : new WebSocket(this.address());
    } catch (error) {
      this.wanted = false;
      this.options.onState("refused", error.message);
      return;
    }
    this.socket = socket;
    socket.onmessage = (message) => this.receive(message.data);
    socket.onclose = (event) => this.closed(event);
  }

  receive(text) {
    const event = JSON.parse(text);
    if (event.type === "connection") {
      this.attempts = 0;
      this.options.onState("connected", "");
    }
    if (Number.isSafeInteger(event.id)) {
      if (this.lastId === null || event.id > this.lastId) this.lastId = event.id;
    }
    this.options.onEvent(event);
  }

  closed(event) {
    this.socket = null;
    if (!this.wanted) {
      this.options.onState("closed", event.reason);
    } else if (event.code === 1008) {
      // The server said no and why; asking again would change nothing.
      this.wanted = false;
      this.options.onState("refused", event.reason);
    } else {
      const seconds = Math.min(30, 2 ** this.attempts) * (0.5 + Math.random() / 2);
      this.attempts += 1;
      this.options.onState("waiting", seconds);
      this.timer = setTimeout(() => this.connect(), seconds * 1000);
    }
  }
}
