"""The shape of ``GET /api/v1/status``: what the daemon knows of itself, for a person's eye and for scripts.

Names are English: this is the system's own news, not one of the wire contract's entities. Moments are RFC 3339,
UTC, ``Z``; ages and durations are seconds; temperatures °C, humidity %. Keys may be added, never changed.
"""

from typing import Literal, TypedDict

ModelWord = Literal["off", "warming_up", "ready", "failed"]
"""``warming_up``: too little history so far; ``failed``: the last fit did not end well, the older model stays."""


class SampleReport(TypedDict, total=False):
    """A payload that no format understood. Its first five keys are a case for ``sereno decode --jsonl``."""

    id: str
    transport: str
    topic: str  # of MQTT
    payload_text: str
    payload_b64: str  # where it is no text
    reason: str
    count: int  # of its origin, with this reason
    last_at: str


class DriverReport(TypedDict):
    """One driver. ``state`` is what its supervisor does: ``waiting`` is the pause before the next attempt.

    ``counters`` are refusals and losses by reason (``too_long``, ``unknown_format``, ``queue_dropped``);
    ``details`` is :meth:`drivers.base.Driver.details`: broker, session, recognised format.
    """

    name: str
    type: str
    state: Literal["starting", "up", "waiting", "finished", "stopped"]
    since: str
    reason: str | None  # why it is not up, and what to do: one English sentence
    attempts: int  # since it was last up
    received: int  # messages, lines or rows since the start
    readings: int  # rows made of them
    rate_per_minute: float  # readings, over the last minute
    failed_reads: int  # since the start
    last_received_at: str | None
    counters: dict[str, int]
    details: dict[str, str | int | bool]
    samples: list[SampleReport]  # of what no format understood, newest first, at most ten


class SkillReport(TypedDict):
    """How good a sensor's forecasts of one quantity and horizon have been lately (two weeks, recent ones count most).

    ``naive`` is the mean absolute error of "it stays as it is", ``skill`` 1 - error / naive: 0 is no better; None where
    nothing ever changed.
    """

    quantity: str
    horizon_s: int
    judged: int  # forecasts whose moment has come, all since the model began
    coverage: float  # share of what came inside the announced 90 % interval
    error: float  # mean absolute error, °C or %
    naive: float
    skill: float | None


class SensorReport(TypedDict):
    """One sensor. ``age_s`` is the age of its last reading by the daemon's clock, ``silent_after_s`` its limit."""

    id: int
    key: str
    name: str | None
    type: str
    model: str
    state: Literal["activo", "silencioso", "inactivo"]
    ignored: bool  # nothing that its devices say is taken
    temperature: float | None
    humidity: float | None
    others: dict[str, float]
    quality: Literal["ok", "dudosa", "invalida"] | None  # of the last reading
    last_reading_at: str | None
    age_s: float | None
    usual_interval_s: float | None  # between two readings, as learned
    silent_after_s: float | None
    readings: int  # stored since the start
    failed_reads: int  # since the start
    invalid: int  # stored as impossible since the start
    anomaly_model: ModelWord
    warm_up_h: float | None  # hours of history behind the anomaly model, None where it is off
    warm_up_of_h: float | None  # hours that it takes: a day, longer for a sensor that speaks each hour
    forecast_model: ModelWord
    forecasts: list[SkillReport]  # [] until the first forecast's moment has come
    open_anomalies: int


class WarningReport(TypedDict):
    """A limit that was foreseen to be passed, until an hour after that moment or until it is passed."""

    sensor_id: int
    quantity: str
    probability: float
    words: str  # as it was told at ``told_at``
    told_at: str
    likely_at: str


class DatabaseReport(TypedDict):
    """``url`` without its password. ``unsynced`` rows are committed and not yet known to be on the disk.

    ``refused`` rows are of deleted sensors, or such as the database takes from nobody. ``folded`` rows were moved into
    the clustered table; ``checkpoints`` were forced, because readers let the write-ahead log grow.
    """

    kind: Literal["sqlite", "postgresql"]
    url: str
    state: Literal["up", "down"]
    since: str
    reason: str | None
    queued: int
    unsynced: int
    stored: int
    duplicates: int
    completed: int
    conflicts: int
    refused: int
    commits: int
    syncs: int
    folded: int
    checkpoints: int
    size_bytes: int | None
    free_bytes: int | None


class BrokerReport(TypedDict):
    """The embedded broker; ``None`` in the report where it is switched off. ``warnings`` name client and cure."""

    engine: Literal["mosquitto", "nats"]
    state: Literal["starting", "up", "down"]
    since: str
    reason: str | None
    address: str
    restarts: int
    warnings: list[str]


class ModelsReport(TypedDict):
    """The scoring worker. ``lag_s``: how long the oldest committed row has waited for its score."""

    anomaly_enabled: bool
    forecast_enabled: bool
    ready: int  # sensors whose anomaly model is ready
    learning: int  # those that are warming up
    scored: int
    skipped: int  # rows not scored because the worker was behind
    lag_s: float
    waits: dict[str, int]  # rows by the seconds from commit to score, at most; "+Inf" is all
    waits_s: float  # all those seconds together
    longest_wait_s: float  # since the start
    fits: int
    failed_fits: int
    fitting: str | None  # the key of the sensor a child process fits now
    last_fit_at: str | None
    predictions: int
    anomalies_open: int


class ClientsReport(TypedDict):
    """WebSocket clients. ``dropped`` events were lost to slow clients, ``closed_slow`` clients were cut off."""

    connected: int
    limit: int
    channels: dict[str, int]
    sent: int
    dropped: int
    closed_slow: int
    refused: int


class StatusReport(TypedDict):
    """The whole. ``health`` and ``reasons`` are those of ``GET /health``; ``refused`` counts input refused by door."""

    version: str
    started_at: str
    uptime_s: float
    now: str
    demo: bool
    mode: Literal["open", "secured"]
    clock_set: bool
    health: Literal["ok", "degraded", "failed"]
    reasons: list[str]
    drivers: list[DriverReport]
    sensors: list[SensorReport]
    warnings: list[WarningReport]  # of limits, the soonest first
    sensors_total: int
    sensors_max: int
    sensors_refused: int  # devices kept out: over the limit, unknown to a closed driver, or deleted
    kept_out: list[str]  # keys of deleted sensors that stay out until allowed again
    database: DatabaseReport
    broker: BrokerReport | None
    models: ModelsReport
    clients: ClientsReport
    refused: dict[str, int]  # by door and reason: "rest.422", "websocket.origin", "mqtt.too_large"
    lost: dict[str, int]  # the daemon's own, while the database did not answer: "events" unsent, "writes" given up
    memory_bytes: int | None
