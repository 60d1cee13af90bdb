"""The daemon: what happens between a driver and a client."""

__version__ = "0.1.0"
