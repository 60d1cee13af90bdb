"""Reads beside the writer: a few threads, each query on a connection of its own, on one snapshot."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine

T = TypeVar("T")

THREADS = 4
"""A Pi has four cores; a long chart must not keep a short look-up waiting."""


class Reads:
    """Call it with a function of a connection; ``engine`` is in autocommit mode."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="read")
        self._begin = "BEGIN" if engine.dialect.name == "sqlite" else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    async def __call__(self, work: Callable[[Connection], T], /) -> T:
        """Run ``work`` in a read transaction off the loop; raises what it raises, SQLAlchemyError included."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.run, work)

    def run(self, work: Callable[[Connection], T], /) -> T:
        """The same on the calling thread.

        All statements of one ``work`` see one snapshot: rows that are folded from one table into the other
        meanwhile are neither missed nor seen twice.
        """
        with self._engine.connect() as conn:
            conn.exec_driver_sql(self._begin)
            try:
                return work(conn)
            finally:
                conn.exec_driver_sql("ROLLBACK")

    def close(self) -> None:
        """Wait for what runs; nothing new is taken."""
        self._threads.shutdown(wait=True, cancel_futures=True)
