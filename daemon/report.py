"""Puts together what the daemon knows of itself: the report of ``GET /api/v1/status``."""

import os
import shutil
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from daemon import __version__
from daemon.api.connections import Hub
from daemon.api.schemas import wire_time
from daemon.batches import DatabaseState
from daemon.broker import EmbeddedBroker
from daemon.bus import Bus
from daemon.clock import MachineClock
from daemon.config import Config
from daemon.database import Database
from daemon.derived import ForecastSkill
from daemon.entities import Prediction, Quality, SensorState
from daemon.episodes import Episodes
from daemon.health import Health
from daemon.inner_writes import InnerWrites
from daemon.intake import Intake
from daemon.samples import Sample
from daemon.scoring import Counters, Scoring
from daemon.sensors import Directory, Record
from daemon.standing import StandingWarnings
from daemon.status_report import (
    BrokerReport,
    ClientsReport,
    DatabaseReport,
    DriverReport,
    ModelsReport,
    ModelWord,
    SampleReport,
    SensorReport,
    SkillReport,
    StatusReport,
    WarningReport,
)
from daemon.supervisor import Supervisor
from daemon.watch import silent_after
from ml.base import Readiness

MINUTE = 60
DAY = 86_400.0

_STATES: Mapping[SensorState, Literal["activo", "silencioso", "inactivo"]] = {
    SensorState.ACTIVE: "activo",
    SensorState.SILENT: "silencioso",
    SensorState.INACTIVE: "inactivo",
}
_QUALITIES: Mapping[Quality, Literal["ok", "dudosa", "invalida"]] = {
    Quality.OK: "ok",
    Quality.SUSPECT: "dudosa",
    Quality.INVALID: "invalida",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that is reported on."""

    config: Config
    clock: MachineClock
    supervisors: Sequence[Supervisor]
    intake: Intake
    directory: Directory
    episodes: Episodes
    scoring: Scoring | None
    standing: StandingWarnings
    writes: InnerWrites
    bus: Bus
    hub: Hub
    health: Health
    database: Database
    database_state: Callable[[], DatabaseState]
    broker: EmbeddedBroker | None
    refused: Counter[str]
    demo: bool


class Reporter:
    """:meth:`tick` once a second keeps the rates; :meth:`report` makes the report."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._started_at = parts.clock.now()
        self._started = parts.clock.monotonic()
        self._readings = {s.source.name: deque([0], maxlen=MINUTE + 1) for s in parts.supervisors}

    def tick(self) -> None:
        for supervisor in self._parts.supervisors:
            self._readings[supervisor.source.name].append(supervisor.connection.readings)

    def report(self) -> StatusReport:
        parts, clock = self._parts, self._parts.clock
        verdict = parts.health.judge()
        now = clock.now()
        return StatusReport(
            version=__version__,
            started_at=wire_time(self._started_at),
            uptime_s=round(clock.monotonic() - self._started, 1),
            now=wire_time(now),
            demo=parts.demo,
            mode=parts.config.auth.mode,
            clock_set=clock.is_set(),
            health="ok" if verdict.word == "ok" else "degraded" if verdict.word == "degraded" else "failed",
            reasons=list(verdict.reasons),
            drivers=[self._driver(supervisor) for supervisor in parts.supervisors],
            sensors=[self._sensor(record, now) for record in parts.directory.records()],
            warnings=[_warning(row) for row in parts.standing.all()],
            sensors_total=len(parts.directory),
            sensors_max=parts.config.sensors.max,
            sensors_refused=parts.directory.refused.total(),
            kept_out=sorted(parts.directory.blocked),
            database=self._database(),
            broker=self._broker(),
            models=self._models(),
            clients=self._clients(),
            refused=dict(parts.refused),
            lost={"events": parts.bus.lost, "writes": parts.writes.dropped},
            memory_bytes=resident_bytes(),
        )

    def _driver(self, supervisor: Supervisor) -> DriverReport:
        connection, name = supervisor.connection, supervisor.source.name
        totals = self._readings[name]
        # Until a minute has passed the rate is that of the seconds there are.
        seconds = max(1, len(totals) - 1)
        counted = Counter(supervisor.counters())
        return DriverReport(
            name=name,
            type=supervisor.kind,
            state=connection.state.value,
            since=wire_time(connection.since),
            reason=connection.reason or None,
            attempts=connection.attempts,
            received=connection.received,
            readings=connection.readings,
            rate_per_minute=round((totals[-1] - totals[0]) * MINUTE / seconds, 1),
            failed_reads=self._parts.intake.failed_reads[name],
            last_received_at=None if connection.last_received_at is None else wire_time(connection.last_received_at),
            counters=dict(counted + self._parts.intake.counters[name]),
            details=dict(supervisor.details()),
            samples=[_sample(sample, supervisor) for sample in supervisor.samples.newest_first()],
        )

    def _sensor(self, record: Record, now: int) -> SensorReport:
        sensor, latest, scoring = record.sensor, record.latest, self._parts.scoring
        status = scoring.status(sensor.id) if scoring is not None else None
        done, needed = (0.0, DAY) if status is None else status.warm_up
        models = self._parts.config
        return SensorReport(
            id=sensor.id,
            key=sensor.key,
            name=sensor.name,
            type=sensor.type,
            model=sensor.model,
            state=_STATES[sensor.state],
            ignored=sensor.ignored,
            temperature=latest.temperature,
            humidity=latest.humidity,
            others=dict(latest.others),
            quality=None if record.quality is None else _QUALITIES[record.quality],
            last_reading_at=wire_time(latest.time) if latest.time else None,
            age_s=round((now - latest.time) / 1e6, 1) if latest.time else None,
            usual_interval_s=record.rhythm.usual,
            silent_after_s=silent_after(record),
            readings=record.readings,
            failed_reads=record.failed_reads,
            invalid=record.invalid,
            anomaly_model=_word(
                models.anomaly.enabled,
                ready=status is not None and status.detector is Readiness.READY,
                failed=status is not None and status.error is not None,
            ),
            warm_up_h=round(done / 3600, 1) if models.anomaly.enabled else None,
            warm_up_of_h=round(needed / 3600, 1) if models.anomaly.enabled else None,
            forecast_model=_word(
                models.forecast.enabled,
                ready=status is not None and status.forecast_fitted_at is not None,
                failed=status is not None and status.error is not None,
            ),
            forecasts=[_skill(skill) for skill in scoring.skills(sensor.id)] if scoring is not None else [],
            open_anomalies=self._parts.episodes.open_for(sensor.id),
        )

    def _database(self) -> DatabaseReport:
        state, database = self._parts.database_state(), self._parts.database
        counters = state.counters
        size = free = None
        if database.path is not None:
            companions = (database.path, database.path.with_name(database.path.name + "-wal"))
            size = sum(file.stat().st_size for file in companions if file.exists())
            free = shutil.disk_usage(database.path.parent).free
        return DatabaseReport(
            kind="sqlite" if database.path is not None else "postgresql",
            url=database.url.render_as_string(hide_password=True),
            state="up" if state.up else "down",
            since=wire_time(state.since),
            reason=state.reason,
            queued=state.queued,
            unsynced=state.unsynced,
            stored=counters.get("stored", 0),
            duplicates=counters.get("duplicate", 0),
            completed=counters.get("completed", 0),
            conflicts=counters.get("conflict", 0),
            refused=counters.get("refused", 0),
            commits=counters.get("commits", 0),
            syncs=counters.get("syncs", 0),
            folded=counters.get("folded", 0),
            checkpoints=counters.get("checkpoints", 0),
            size_bytes=size,
            free_bytes=free,
        )

    def _broker(self) -> BrokerReport | None:
        broker = self._parts.broker
        if broker is None:
            return None
        return BrokerReport(
            engine=broker.engine,
            state=broker.state,
            since=wire_time(broker.since),
            reason=broker.reason,
            address=broker.url,
            restarts=broker.restarts,
            warnings=[f"{warning} ({count} times)" for warning, count in broker.warnings.items()],
        )

    def _models(self) -> ModelsReport:
        parts, scoring = self._parts, self._parts.scoring
        counters = scoring.counters if scoring is not None else Counters()
        statuses = [scoring.status(record.sensor.id) for record in parts.directory.records()] if scoring else []
        ready = sum(status is not None and status.detector is Readiness.READY for status in statuses)
        fits = scoring.fits if scoring is not None else None
        fitted = parts.directory.record(fits.fitting) if fits is not None and fits.fitting is not None else None
        return ModelsReport(
            anomaly_enabled=parts.config.anomaly.enabled,
            forecast_enabled=parts.config.forecast.enabled,
            ready=ready,
            learning=len(statuses) - ready,
            scored=counters.scored,
            skipped=counters.skipped + counters.dropped,
            lag_s=round(scoring.lag, 3) if scoring is not None else 0.0,
            waits=counters.waits.within(),
            waits_s=round(counters.waits.seconds, 3),
            longest_wait_s=round(counters.waits.longest, 3),
            fits=fits.done if fits is not None else 0,
            failed_fits=fits.failed if fits is not None else 0,
            fitting=fitted.sensor.key if fitted is not None else None,
            last_fit_at=None if fits is None or fits.last_at is None else wire_time(fits.last_at),
            predictions=counters.predictions,
            anomalies_open=len(parts.episodes),
        )

    def _clients(self) -> ClientsReport:
        hub = self._parts.hub
        return ClientsReport(
            connected=len(hub),
            limit=hub.limits.connections,
            channels={channel: len(members) for channel, members in hub.channels().items()},
            sent=hub.traffic.sent,
            dropped=hub.traffic.dropped,
            closed_slow=hub.traffic.closed_slow,
            refused=hub.traffic.refused,
        )


def _skill(skill: ForecastSkill) -> SkillReport:
    return SkillReport(
        quantity=skill.quantity,
        horizon_s=skill.horizon_s,
        judged=skill.judged,
        coverage=round(skill.coverage, 4),
        error=round(skill.error, 4),
        naive=round(skill.naive, 4),
        skill=None if skill.skill is None else round(skill.skill, 4),
    )


def _warning(row: Prediction) -> WarningReport:
    return WarningReport(
        sensor_id=row.sensor_id,
        quantity=row.quantity,
        probability=row.probability or 0.0,
        words=row.comment_en or row.comment or "",
        told_at=wire_time(row.created_at),
        likely_at=wire_time(row.predicted_at),
    )


def _sample(sample: Sample, supervisor: Supervisor) -> SampleReport:
    case = sample.case("serial" if supervisor.kind in ("serial", "modbus") else "mqtt")
    further = {"reason": sample.reason, "count": sample.count, "last_at": wire_time(sample.last_at)}
    return cast("SampleReport", {"id": f"{supervisor.source.name}: {sample.origin}", **case, **further})


def _word(enabled: bool, *, ready: bool, failed: bool) -> ModelWord:
    if not enabled:
        return "off"
    return "ready" if ready else "failed" if failed else "warming_up"


def resident_bytes() -> int | None:
    """Resident memory of this process; None where /proc does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - not a file to anyone but the kernel
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None
