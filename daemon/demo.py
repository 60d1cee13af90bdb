"""The demo: a configuration of its own, the devices' past, and the process that emulates them at the wire.

The drivers in use are the real ones: here are only files for ``replay``, a port for ``serial`` and a broker's address.
"""

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from daemon import ports, state
from daemon.config import Config
from daemon.errors import SerenoError
from drivers import load
from drivers.emulate.__main__ import format_fault
from drivers.emulate.faults import Fault, FaultKind
from drivers.emulate.history import history
from drivers.emulate.household import demo_household
from drivers.settings import CommonSettings

log = logging.getLogger("sereno.demo")

SEED = 7
PAST_DAYS = 14
_SECOND = 1_000_000
_PAST_US = PAST_DAYS * 86_400 * _SECOND
_PORTS = 100  # tried upward of the configured one
_MARK_EVERY = 60.0  # seconds between notes of how far the devices' past has come
_RESTART = 2.0  # seconds before a process that ended by itself is started again
_PLUGGING_IN = 30.0  # seconds until its port is there; a busy Pi takes ten to load what it emulates with
_PATIENCE = 5.0  # seconds that it has to end


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo runs with. ``speed`` divides the seconds between the devices' reports."""

    config: Config
    folder: Path
    faults: tuple[Fault, ...]
    seed: int = SEED
    speed: float = 1

    @property
    def link(self) -> Path:
        return self.folder / "arduino"

    @asynccontextmanager
    async def devices(self, broker: str) -> AsyncIterator[None]:
        """Emulated devices at work while inside, publishing to the broker at a URL; their process is kept alive."""
        plugged_in = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._keep(broker, plugged_in), name="emulated devices"),
                group.create_task(self._mark(), name="emulated past"),
            ]
            try:
                with suppress(TimeoutError):  # then the serial driver waits for its port, as it does for any
                    await asyncio.wait_for(plugged_in.wait(), _PLUGGING_IN)
                yield
            finally:
                for task in tasks:
                    task.cancel()
                self._mark_now()

    async def _keep(self, broker: str, plugged_in: asyncio.Event) -> None:
        while True:
            process = await self._start(broker)
            try:
                await _first_word(process)
                plugged_in.set()
                await _log_lines(process)
                code = await process.wait()
            finally:
                await _end(process)
            log.warning("the emulated devices' process ended with %s; starting it again", code)
            await asyncio.sleep(_RESTART)

    async def _start(self, broker: str) -> Process:
        # A session of its own: Ctrl-C is for the daemon, which ends the devices after it has stopped listening.
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *self.command(broker), stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True
            )
        )
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await _end(await starting)
            raise

    def command(self, broker: str) -> list[str]:
        """What is started as the devices' process."""
        return [
            # -P: a folder named drivers where the user stands is not ours
            *(sys.executable, "-P", "-m", "drivers.emulate", "--parent", str(os.getpid())),
            *("--broker", broker, "--link", str(self.link)),
            *("--seed", str(self.seed), "--speed", str(self.speed)),
            *(argument for fault in self.faults for argument in ("--fault", format_fault(fault))),
        ]

    async def _mark(self) -> None:
        """Keep the recordings' time of change at the present: until then the past is told (see ``write_past``)."""
        while True:
            await asyncio.sleep(_MARK_EVERY)
            self._mark_now()

    def _mark_now(self) -> None:
        for path in _recordings(self.folder):
            if path.exists():
                os.utime(path)


def default_folder(environ: Mapping[str, str]) -> Path:
    """The demo's state folder: beside the one that ``sereno run`` would take."""
    return state.resolve(None, environ).with_name("sereno-demo")


def prepare(folder: Path, now: int, base: Config | None = None, *, speed: float = 1, seed: int = SEED) -> Demo:
    """Choose ports, tell the devices' past up to ``now`` (µs since 1970 UTC), and script the first faults.

    ``folder`` is the demo's state folder and must exist; of ``base`` all is kept but broker, drivers, database and
    taken ports. Takes a second or two. Raises SerenoError where no port is free or the folder cannot be written.
    """
    try:
        write_past(folder, now, seed)
    except OSError as error:
        raise SerenoError(
            f"the demo cannot write below {folder}: {error.strerror}; check its rights and space"
        ) from error
    return Demo(_config(folder, base or Config()), folder, script(now), seed, speed)


def script(now: int) -> tuple[Fault, ...]:
    """What goes wrong in the first minutes: a sensor that cannot be read, one whose humidity jumps for a while."""

    def fault(kind: FaultKind, device: str, after: int, lasts: int, size: float) -> Fault:
        begins_at = now + after * _SECOND
        return Fault(kind, device, begins_at, begins_at + lasts * _SECOND, size)

    return (
        fault(FaultKind.DROPOUT, "dormitorio", 75, 60, 0),
        fault(FaultKind.OFFSET, "cocina", 150, 240, 30),
    )


def write_past(folder: Path, now: int, seed: int = SEED) -> None:
    """Tell the devices' past to two recordings: all 14 days at first, later what is missing since the last run.

    A recording only grows, so that the replay drivers, which know their place in it, read what is new; one whose end
    is over 14 days old is begun anew. Its time of change says until when the past is told.
    """
    messages, lines = _recordings(folder)
    told_until = min(_changed_at(path) for path in (messages, lines))
    anew = told_until < now - _PAST_US
    records = history(demo_household(seed), max(told_until, now - _PAST_US), now, port=str(folder / "arduino"))
    parts: dict[Path, list[str]] = {messages: [], lines: []}
    for record in records:
        parts[messages if "topic" in record else lines].append(json.dumps(record, ensure_ascii=False))
    for path, part in parts.items():
        _write(path, part, anew=anew)
        os.utime(path, ns=(now * 1000, now * 1000))


def _recordings(folder: Path) -> tuple[Path, Path]:
    return folder / "past-messages.ndjson", folder / "past-lines.ndjson"


def _changed_at(path: Path) -> int:
    return path.stat().st_mtime_ns // 1000 if path.exists() else 0


def _write(path: Path, lines: Sequence[str], *, anew: bool) -> None:
    text = "".join(f"{line}\n" for line in lines)
    if anew:
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(path)
        return
    with path.open("ab+") as file:
        file.seek(max(0, file.tell() - 1))
        if file.read(1) not in (b"", b"\n"):  # a run that was killed while writing
            text = f"\n{text}"
        file.write(text.encode())


def _config(folder: Path, base: Config) -> Config:
    server = base.server.model_copy(update={"port": _free_port(base.server.host, base.server.port)})
    broker = base.broker.model_copy(update={"embedded": True, "host": "127.0.0.1", "users": []})
    port = _free_port(broker.host, broker.port, besides=server.port)
    changes = {
        "server": server,
        "broker": broker.model_copy(update={"port": port}),
        "database": Config().database,
        "drivers": _drivers(folder),
    }
    return base.model_copy(update=changes)


def _drivers(folder: Path) -> list[CommonSettings]:
    """The replay drivers speak for the live ones' sources, so that past and present are one sensor's."""
    messages, lines = (str(path) for path in _recordings(folder))
    entries: list[dict[str, str | list[str]]] = [
        {"name": "mqtt", "type": "mqtt", "url": "embedded", "topics": ["#"]},
        {"name": "arduino", "type": "serial", "port": str(folder / "arduino"), "model": "DHT22"},
        {"name": "past-mqtt", "type": "replay", "path": messages, "source": "mqtt"},
        {"name": "past-arduino", "type": "replay", "path": lines, "source": "arduino", "model": "DHT22"},
    ]
    return [load(str(entry["type"])).Settings.model_validate(entry) for entry in entries]


def _free_port(host: str, wanted: int, besides: int | None = None) -> int:
    last = min(wanted + _PORTS, 65_535)
    for port in range(wanted, last + 1):
        if port != besides and ports.is_free(host, port):
            return port
    raise SerenoError(f"no port of {wanted} to {last} is free; give another by server.port or broker.port")


async def _first_word(process: Process) -> None:
    """Until it says that its port is there, or ends."""
    if process.stdout is not None:
        await process.stdout.readline()


async def _log_lines(process: Process) -> None:
    if process.stderr is not None:
        async for line in process.stderr:
            log.info("%s", line.decode(errors="replace").rstrip())


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
