"""The embedded MQTT broker: a child process that is started, watched, restarted, and never outlives the daemon."""

import asyncio
import contextlib
import logging
import os
import secrets
import select
import shutil
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from daemon import config, ports
from daemon.broker_engines import BrokerError, Engine, Name, Options, choose
from drivers.mqtt_settings import Embedded, is_loopback

State = Literal["starting", "up", "down"]

READY_TIMEOUT = 20.0
"""Seconds until the broker listens; a Pi reads a large store from a slow card."""

FOREIGN_ANSWER = 1.0
"""Seconds after which an answer is ours although /proc names another: that one has the port at another address."""

STOP_TIMEOUT = 5.0
"""Seconds that it may take to write what it keeps, before it is killed."""

FIRST_BACKOFF, LAST_BACKOFF, STABLE_AFTER = 0.5, 30.0, 60.0
MAX_LINE = 4096
MAX_WARNINGS = 20
"""Clients named in ``warnings``: enough to mend them, and no more than a page shows."""

ACCOUNT = "sereno-daemon"
"""The daemon's own account at the broker, where there are accounts; its password is new with each start."""

log = logging.getLogger(__name__)


class EmbeddedBroker:
    """A broker while the context lasts. Enter it in the main thread: when the thread that starts a process ends,
    the kernel takes that for its parent's death.

    ``sync_interval`` (s) is how much of what publishers were told is safe a power cut of this machine may take.
    ``on_state`` is called on the loop at each change of ``state``.
    """

    def __init__(
        self,
        settings: config.Broker,
        state_dir: Path,
        sync_interval: float,
        *,
        on_state: Callable[["EmbeddedBroker"], None] = lambda _: None,
    ) -> None:
        self.state: State = "starting"
        self.since = time.time_ns() // 1000
        """µs since 1970 UTC of the last change of state."""
        self.reason: str | None = None
        self.restarts = 0
        self.warnings: dict[str, int] = {}
        """What clients of the broker suffer, as a sentence with the cure, and how often."""
        self._settings = settings
        self._state_dir = state_dir
        self._sync_interval = sync_interval
        self.on_state = on_state
        self._engine: Engine | None = None
        self._command: list[str] = []
        self._configuration = Path()
        self._password: str | None = None
        self._process: Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._last_problem = ""

    @property
    def engine(self) -> Name:
        """Which broker it is; known once entered."""
        if self._engine is None:
            raise RuntimeError("the embedded broker is not entered")
        return self._engine.name

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def url(self) -> str:
        """Where this machine reaches it."""
        host = ports.near(self._settings.host)
        return f"mqtt://{f'[{host}]' if ':' in host else host}:{self._settings.port}"

    @property
    def access(self) -> Embedded:
        """What the mqtt driver is handed for ``url: embedded``."""
        window = self._engine.window if self._engine else None
        username = ACCOUNT if self._password else None
        return Embedded(self.url, self.engine, window, username, self._password)

    async def __aenter__(self) -> Self:
        await self._prepare()
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        self._watching = asyncio.create_task(self._watch(), name="embedded broker")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        await self._stop()
        self._now("down", "stopped")

    async def _prepare(self) -> None:
        """Choose the engine and write its configuration; raises BrokerError before anything runs."""
        settings = self._settings
        if not is_loopback(settings.host) and not settings.users:
            raise BrokerError(
                f'broker.host "{settings.host}" would let everyone on the network publish: keep 127.0.0.1, or name who '
                "may in broker.users"
            )
        self._engine, program = choose(settings.engine)
        folder = self._state_dir / "broker" / self._engine.name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        accounts = {user.name: user.password.get_secret_value() for user in settings.users if user.password}
        if accounts:
            self._password = accounts[ACCOUNT] = secrets.token_urlsafe(24)
        options = Options(settings.host, settings.port, folder.resolve(), self._sync_interval, accounts)
        self._configuration = await asyncio.to_thread(self._engine.configure, options)
        self._command = [*_leash(), str(program), "-c", str(self._configuration)]

    async def _start(self) -> None:
        """Start the process and wait until it, and nobody else, listens; raises BrokerError."""
        self._now("starting", None)
        await self._end_orphans()
        settings = self._settings
        try:
            free = ports.is_free(settings.host, settings.port)
        except OSError as error:
            raise BrokerError(f"broker.host {settings.host} cannot be listened on: {error.strerror}") from error
        if not free:
            raise BrokerError(
                f"port {settings.port} is taken by {await asyncio.to_thread(ports.described_owner, settings.port)}: "
                "if that is your own broker, set broker.embedded: false and give the driver its URL; else stop it, "
                "or choose another broker.port"
            )
        self._last_problem = ""
        # A session of its own: Ctrl-C in a terminal is the daemon's to handle, and it stops the broker last. To systemd
        # the daemon speaks, not Mosquitto.
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            cwd=self._configuration.parent,
            env={name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"},
            start_new_session=True,
        )
        self._listening = asyncio.create_task(self._listen(self._process), name="embedded broker's log")
        try:
            async with asyncio.timeout(READY_TIMEOUT):
                await self._ready(self._process)
        except TimeoutError as error:
            await self._stop()
            raise BrokerError(
                f"{self.engine} did not listen within {READY_TIMEOUT:.0f} s: {self._last_problem}"
            ) from error
        self._now("up", None)

    async def _ready(self, process: Process) -> None:
        """Until it listens. Who answers may be somebody else, who was faster: then ours ends at once."""
        answered = 0.0
        while process.returncode is None:
            if await self._answers():
                answered = answered or time.monotonic()
                owner = await asyncio.to_thread(ports.owner, self._settings.port)
                told = owner is not None and owner[0] != process.pid
                if not told or time.monotonic() - answered > FOREIGN_ANSWER:
                    return
            await asyncio.sleep(0.01)
        await self._finish_log()
        raise BrokerError(f"{self._describe_end(process)} at once; its files are in {self._configuration.parent}")

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(ports.near(self._settings.host), self._settings.port)
        except OSError:
            return False
        writer.close()
        return True

    async def _watch(self) -> None:
        """Restart what ends, at growing intervals, for as long as the daemon lives."""
        wait = FIRST_BACKOFF
        while True:
            process, began = self._process, time.monotonic()
            if process is not None and self.state == "up":
                await process.wait()
                await self._finish_log()
                reason = self._describe_end(process)
                log.error("the embedded broker ended (%s); restarting it", reason)
                self._now("down", reason)
            if time.monotonic() - began > STABLE_AFTER:
                wait = FIRST_BACKOFF
            await asyncio.sleep(wait)
            wait = min(2 * wait, LAST_BACKOFF)
            try:
                await self._start()
            except BrokerError as error:
                log.error("the embedded broker does not start: %s", error)  # noqa: TRY400 - the sentence is enough
                self._now("down", str(error))
            else:
                self.restarts += 1

    async def _stop(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(STOP_TIMEOUT):
                    await process.wait()
            except TimeoutError:
                log.warning("the embedded broker did not stop within %g s and is killed", STOP_TIMEOUT)
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        await self._finish_log()

    async def _end_orphans(self) -> None:
        """End a broker of an earlier daemon that still works in our folder, killed before it could stop it."""
        for pid in _running_with(self._configuration):
            log.warning("ending the broker (pid %d) that an earlier daemon left behind", pid)
            for how in (signal.SIGTERM, signal.SIGKILL):
                if await asyncio.to_thread(_ends, pid, how):
                    break

    async def _listen(self, process: Process) -> None:
        """Pass its log on until it ends."""
        rest = b""
        while process.stdout is not None and (chunk := await process.stdout.read(65536)):
            *lines, rest = (rest + chunk).split(b"\n")
            rest = rest[-MAX_LINE:]
            for line in lines:
                self._hear(line[:MAX_LINE].decode(errors="replace").rstrip())

    def _hear(self, text: str) -> None:
        if self._engine is None or not text:
            return
        line = self._engine.read(text)
        # A client that is refused tries again and again: once is enough for the log.
        level = logging.DEBUG if line.warning in self.warnings else line.level
        log.log(level, "%s: %s", self._engine.name, line.text)
        if level >= logging.WARNING or text.startswith("setpriv: "):
            self._last_problem = line.text
        if line.warning and (line.warning in self.warnings or len(self.warnings) < MAX_WARNINGS):
            self.warnings[line.warning] = self.warnings.get(line.warning, 0) + 1

    async def _finish_log(self) -> None:
        if self._listening is not None:
            await self._listening

    def _describe_end(self, process: Process) -> str:
        code = process.returncode or 0
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return f"{self.engine} ended: {how}{f', {self._last_problem}' if self._last_problem else ''}"

    def _now(self, state: State, reason: str | None) -> None:
        if (state, reason) != (self.state, self.reason):
            self.state, self.reason, self.since = state, reason, time.time_ns() // 1000
            self.on_state(self)


def _leash() -> list[str]:
    """Have the kernel stop the broker, in good order, should the daemon be killed (util-linux, on every Debian).

    What systemd started it also ends with all that it started, and under the unit's filter of system calls setpriv
    does not run.
    """
    setpriv = shutil.which("setpriv")
    of_systemd = os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid())
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv and not of_systemd else []


def _running_with(configuration: Path) -> list[int]:
    """Pids of processes that were started with this configuration file."""
    wanted = os.fsencode(configuration)
    found = []
    for folder in ports.PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if wanted in (folder / "cmdline").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def _ends(pid: int, how: signal.Signals) -> bool:
    """Signal a process that is not our child, and wait for its end; False when it takes longer than ``STOP_TIMEOUT``.

    Its end, by pidfd_open(2), is when it has closed what it listened on; in /proc it is nobody some time before.
    """
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        signal.pidfd_send_signal(process, how)
        end = select.poll()
        end.register(process, select.POLLIN)
        return bool(end.poll(STOP_TIMEOUT * 1000))
    except ProcessLookupError:
        return True
    finally:
        os.close(process)
