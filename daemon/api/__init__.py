"""HTTP and WebSocket on one port: what clients see, in the words of the wire contract."""
