"""Fits run here, one at a time, in a short-lived child process, so that scikit-learn never lives in the daemon."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence

from ml.base import Arrays, FitError
from ml.fit import LENGTH_BYTES, LONGEST, frame
from ml.store import StaleModelError, dumps, loads

_LEAST_ROWS = 256
"""A fit that is killed with so few rows is given up."""


class FitChildError(Exception):
    """The child died or fell silent; one sentence says how."""


class Fitter:
    """One child at a time, started when a job comes and ended by :meth:`close`.

    The child lowers its own priority, offers itself first to the out-of-memory killer and dies with the daemon. It
    imports nothing from the folder that the daemon was started in (``-P``).
    """

    def __init__(
        self,
        command: Sequence[str] = (sys.executable, "-P", "-m", "ml.fit"),
        timeout: float = 300.0,
    ) -> None:
        self._command = command
        self._timeout = timeout
        self._process: Process | None = None
        self._busy = asyncio.Lock()

    async def fit(self, training: Arrays) -> Arrays:
        """Fit one sensor's models. Raises FitError (these rows fit no model) and FitChildError (the child is gone)."""
        async with self._busy:
            try:
                async with asyncio.timeout(self._timeout):
                    answer = loads(await self._ask(dumps(training)))
            except TimeoutError as error:
                await self._end()
                raise FitChildError(f"no answer within {self._timeout:g} s") from error
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                code = await self._end()
                killed = f"killed by signal {-code}" if code is not None and code < 0 else f"ended with status {code}"
                raise FitChildError(f"the fitting process was {killed}") from error
            except StaleModelError as error:
                await self._end()
                raise FitChildError(f"the fitting process answered nonsense: {error}") from error
            except asyncio.CancelledError:
                await self._end()
                raise
        if "error" in answer:
            raise FitError(str(answer["error"]))
        return answer

    async def close(self) -> None:
        """End the child; the next job starts another."""
        async with self._busy:
            process = self._process
            if process is not None and process.stdin is not None:
                process.stdin.close()
                try:
                    async with asyncio.timeout(5):
                        await process.wait()
                except TimeoutError:
                    await self._end()
            self._process = None

    async def _ask(self, job: bytes) -> bytes:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE)
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101 - both are pipes: we asked for them
        assert stdout is not None  # noqa: S101
        stdin.write(frame(job))
        await stdin.drain()
        length = int.from_bytes(await stdout.readexactly(LENGTH_BYTES), "big")
        if length > LONGEST:
            raise ConnectionError(f"an answer of {length} bytes")
        return await stdout.readexactly(length)

    async def _end(self) -> int | None:
        """Kill what is left of the child; its exit status."""
        process, self._process = self._process, None
        if process is None:
            return None
        if process.returncode is None:
            try:
                # One that died by itself may not have been reaped yet: its own status says more than our kill.
                async with asyncio.timeout(0.2):
                    return await process.wait()
            except TimeoutError:
                process.kill()
        return await process.wait()


def fewer_rows(rows: int) -> int | None:
    """How many rows to try after a killed fit; None: give up."""
    return rows // 2 if rows // 2 >= _LEAST_ROWS else None
