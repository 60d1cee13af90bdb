"""The REST routes, a file for each kind of thing."""
