"""The daemon: what happens between a driver and a client."""
