"""A real PostgreSQL server on a Unix socket in a temporary folder."""
