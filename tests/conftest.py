"""Fixtures that run the real things: brokers, PostgreSQL, a daemon, a browser. Each lives in ``support``."""

pytest_plugins = ("support.brokers", "support.postgres")
