"""The models: arrays in, scores out. Nothing here knows the daemon, a driver, a clock or a thread."""
