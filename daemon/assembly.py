"""The parts of one run, made and wired together; nothing runs yet."""

import asyncio
import functools
import logging
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from daemon import news, tokens
from daemon.api.auth import Authenticator
from daemon.api.connections import Hub, Limits
from daemon.api.schemas import encode_event
from daemon.api.services import Health as HealthAnswer
from daemon.api.services import Services
from daemon.batches import DatabaseState
from daemon.broker import EmbeddedBroker
from daemon.bus import Bus
from daemon.clock import MachineClock
from daemon.config import Config
from daemon.database import Database
from daemon.derived import Derivations, air_of
from daemon.episodes import Episodes
from daemon.flow import Flow
from daemon.forewarning import FORGOTTEN_AFTER, Forewarnings
from daemon.health import Health
from daemon.inner_writes import InnerWrites
from daemon.intake import Intake, Source
from daemon.limit_warnings import LimitWarnings, has_limits
from daemon.metrics import metrics
from daemon.modelling import is_dropped, make_scoring, sensors_to_train
from daemon.named_sensors import NamedSensors
from daemon.notify import Notifier
from daemon.recorder import Recorder
from daemon.report import Parts, Reporter
from daemon.repository import anomalies, event_times, predictions, readings, sensors
from daemon.repository.paging import Listing
from daemon.repository.reads import Reads
from daemon.risks import Risks, Settings
from daemon.rounds import Rounds
from daemon.scoring import Scoring
from daemon.sensor_models import Outlook
from daemon.sensors import Directory
from daemon.sources import supervise
from daemon.standing import TOLD_WITHIN, StandingWarnings
from daemon.state import StateFolder
from daemon.supervisor import DriverState, Supervisor
from daemon.watch import Watch
from drivers.mqtt_settings import is_loopback
from ml.risks import Risk

log = logging.getLogger("sereno")

REMEMBERED = 24
"""Rows of each sensor that are looked at at start: its newest values and its usual interval."""

BY_HAND = Source("api", "api", None)
"""``fuente`` of readings that came over REST."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What was opened before: the house stands on it."""

    config: Config
    folder: StateFolder
    clock: MachineClock
    notifier: Notifier
    broker: EmbeddedBroker | None
    database: Database
    recorder: Recorder
    reads: Reads
    demo: bool


@dataclass(frozen=True, slots=True)
class House:
    """What runs, and what the drain needs."""

    bus: Bus
    directory: Directory
    supervisors: list[Supervisor]
    scoring: Scoring | None
    risks: Risks | None
    rounds: Rounds
    writes: InnerWrites
    services: Services


async def assemble(ground: Ground) -> House:
    """Load what the database knows, and wire the one direction of flow around it."""
    config, clock, recorder, reads = ground.config, ground.clock, ground.recorder, ground.reads
    directory = await _directory(ground)
    authenticator = await _authenticator(ground)
    ids = recorder.ids
    bus = Bus(encode_event, functools.partial(ids.take_many, "event"), await reads(event_times.known))
    writes = InnerWrites(recorder.change, ids, clock.now)
    episodes = Episodes(writes.anomaly, ids.take, clock.now, clock.monotonic, directory.hears)
    episodes.load(await reads(anomalies.open_ones))
    watch = Watch(directory, episodes, clock.now, clock.monotonic, save=writes.sensor, publish=bus.publish)
    warnings = Forewarnings(writes.predictions, clock.now, config.forecast.warn_at, remembered=FORGOTTEN_AFTER)
    risks = _risks(ground, directory, warnings)
    limits, standing = await _limit_warnings(ground, directory, writes)

    def foreseen(outlooks: Sequence[Outlook]) -> None:
        limits.foreseen(outlooks)
        if risks is not None:
            risks.foreseen(outlooks)

    scoring = make_scoring(
        config,
        ground.folder.path,
        recorder=recorder,
        reads=reads,
        directory=directory,
        episodes=episodes,
        writes=writes,
        bus=bus,
        clock=clock,
        outlooks=foreseen,
    )
    intake = Intake(directory, ids, clock, store=recorder.store, failed=watch.failed, available=watch.available)

    def changed(supervisor: Supervisor) -> None:
        bus.publish([news.driver(supervisor, clock.now())])
        watch.source(supervisor.source.word, up=supervisor.connection.state is not DriverState.WAITING)

    supervisors = supervise(
        config.drivers,
        intake=intake,
        storage=recorder,
        clock=clock,
        broker=ground.broker,
        install_id=ground.folder.install_id,
        changed=changed,
        room=scoring.room if scoring is not None else None,
    )
    most = Limits(config.websocket.max_connections, config.websocket.max_connections_per_ip)
    hub = Hub(bus, most, authenticator, clock.now)
    authenticator.on_change.append(hub.check_tokens)
    health = Health(supervisors, recorder.state, lambda: ground.broker, clock.monotonic)
    refused: Counter[str] = Counter()
    reporter = Reporter(
        Parts(
            config=config,
            clock=clock,
            supervisors=supervisors,
            intake=intake,
            directory=directory,
            episodes=episodes,
            scoring=scoring,
            standing=standing,
            writes=writes,
            bus=bus,
            hub=hub,
            health=health,
            database=ground.database,
            database_state=recorder.state,
            broker=ground.broker,
            refused=refused,
            demo=ground.demo,
        )
    )
    recall = functools.partial(_recall, reads, recorder, directory)
    recorder.on_commit = Flow(directory, bus, episodes, watch, scoring, standing, recall).committed

    def database_changed(state: DatabaseState) -> None:
        bus.publish([news.database(state, clock.now())])
        watch.database(up=state.up)

    recorder.on_state = database_changed
    if ground.broker is not None:
        ground.broker.on_state = lambda broker: _broker_changed(broker, bus, clock)
    watch.start()
    services = Services(
        config=config,
        bus=bus,
        hub=hub,
        sensors=directory,
        read=reads,
        change=recorder.change,
        ids=ids,
        submit=functools.partial(intake.submit, source=BY_HAND),
        authenticator=authenticator,
        derivations=Derivations(
            lambda sensor_id: air_of(directory.latest(sensor_id)),
            risks.of if risks else lambda _: (),
            scoring.skills if scoring is not None else lambda _: (),
            standing.all,
            functools.partial(is_dropped, ground.config),
        ),
        health=functools.partial(_health, health),
        status=reporter.report,
        metrics=functools.partial(metrics, reporter.report),
        now=clock.now,
        clock_set=clock.is_set,
        refuse=lambda door, reason: refused.update([f"{door}.{reason}"]),
        unfolded=recorder.unfolded,
        train=functools.partial(_train, scoring, directory) if scoring is not None else None,
    )
    named = NamedSensors(ground.config)
    rounds = Rounds(
        clock,
        watch,
        episodes,
        health,
        reporter,
        ground.notifier,
        writes,
        publish=bus.publish,
        hourly=lambda: named.tell_unknown(directory.all()),
    )
    named.tell_unknown(directory.all())
    return House(bus, directory, supervisors, scoring, risks, rounds, writes, services)


async def _directory(ground: Ground) -> Directory:
    """The sensors, what they said last, and a time that has certainly passed."""
    reads = ground.reads
    directory = Directory(limit=ground.config.sensors.max)
    directory.load(await reads(sensors.everything), await reads(sensors.blocked_keys))
    newest = await reads(lambda conn: readings.last_of_each(conn, REMEMBERED))
    directory.remember(newest)
    known = (row.received_at for rows in newest.values() for row in rows if row.clock_set)
    ground.clock.passed(max(known, default=0))
    return directory


async def _limit_warnings(
    ground: Ground, directory: Directory, writes: InnerWrites
) -> tuple[LimitWarnings, StandingWarnings]:
    """With what was told lately: a restart does not tell it again, and it stands on."""
    now = ground.clock.now
    warnings = Forewarnings(writes.predictions, now, ground.config.forecast.warn_at)
    named = ground.config.forecast.limits
    limits = LimitWarnings(warnings, directory.record, now, named)
    standing = StandingWarnings(limits, directory.record, now)
    if named or any(has_limits(sensor) for sensor in directory.all()):
        told = await ground.reads(lambda conn: predictions.warnings(conn, now() - TOLD_WITHIN))
        warnings.load(told)
        standing.load(told)
    return limits, standing


def _risks(ground: Ground, directory: Directory, warnings: Forewarnings) -> Risks | None:
    """None where the configuration watches none."""
    wanted, clock = ground.config.risks, ground.clock
    if not wanted.watch:
        return None
    return Risks(
        Settings(frozenset(map(Risk, wanted.watch)), wanted.outside, ground.folder.path / "risks.json"),
        sensors=directory,
        reads=ground.reads,
        unfolded=ground.recorder.unfolded,
        warnings=warnings,
        now=clock.now,
        clock_set=clock.is_set,
    )


async def _authenticator(ground: Ground) -> Authenticator:
    config, clock = ground.config, ground.clock
    authenticator = Authenticator(
        key=tokens.load_key(config.auth, ground.folder.path),
        lifetime=config.auth.token_lifetime.total_seconds(),
        read=ground.reads,
        now=clock.now,
        clock_set=clock.is_set,
        monotonic=clock.monotonic,
    )
    await authenticator.refresh()
    if config.auth.mode == "secured":
        if not authenticator.has_accounts:
            log.warning("nobody can sign in yet: add a first user with sereno user add NAME --role admin")
        if not is_loopback(config.server.host):
            log.warning("passwords and readings cross the network unencrypted: put a TLS proxy before the daemon")
    return authenticator


def _broker_changed(broker: EmbeddedBroker, bus: Bus, clock: MachineClock) -> None:
    if broker.state != "starting":
        bus.publish([news.broker(up=broker.state == "up", reason=broker.reason, now=clock.now())])


def _health(health: Health) -> HealthAnswer:
    verdict = health.judge()
    return HealthAnswer(verdict.ingesting and not verdict.hung, verdict.reasons)


_errands: set[asyncio.Task[object]] = set()
"""A task that nobody holds may be collected before it ends (asyncio.create_task)."""


def _run(work: Coroutine[Any, Any, object], name: str) -> None:
    task: asyncio.Task[object] = asyncio.get_running_loop().create_task(work, name=name)
    _errands.add(task)
    task.add_done_callback(_errands.discard)


def _recall(reads: Reads, recorder: Recorder, directory: Directory, sensor_id: int) -> None:
    """Read a sensor's newest rows again."""

    async def work() -> None:
        page = await reads(lambda conn: readings.listing(conn, Listing(REMEMBERED, sensor_id), recorder.unfolded))
        directory.relearn(sensor_id, page.rows)

    _run(work(), f"newest rows of sensor {sensor_id}")


async def _train(scoring: Scoring, directory: Directory, sensor_id: int | None) -> str:
    """Start a fit and answer at once; its end is told as news."""
    wanted = sensors_to_train(directory, sensor_id)
    _run(scoring.fits.train(wanted), "training")
    sensors = "1 sensor" if len(wanted) == 1 else f"{len(wanted)} sensors"
    return f"fitting the models of {sensors}; a system event tells when they are ready"
