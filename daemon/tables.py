"""The tables, in SQLAlchemy Core. Times are µs since 1970 UTC in 64-bit integers.

Readings live in two tables of the same columns. ``reading_recent`` is an append table: rows arrive in the order
of their ids, so a commit touches one page. Every few minutes they are folded, sorted, into ``reading``, which is
clustered by (sensor, time, sequence), so that one sensor's range reads no other's rows. ``reading_all`` shows
both as one. What readings refer to is held by the recorder, not by foreign keys: a check per row costs PostgreSQL
more than the row.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

NO_SEQUENCE = -1
"""Stored where the device counts nothing: a key column is never NULL."""

QUALITY_CODES = {"ok": 0, "suspect": 1, "invalid": 2}

# INTEGER on SQLite (where it is 64 bits wide and may alias the rowid), BIGINT elsewhere.
Int64 = BigInteger().with_variant(Integer, "sqlite")

sensor = Table(
    "sensor",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=False),
    Column("key", String(255), nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("name", Text),
    Column("state", String(16), nullable=False),
    Column("last_reading_at", Int64),
    Column("temperature_offset", Float, nullable=False),
    Column("humidity_offset", Float, nullable=False),
    Column("temperature_min", Float),
    Column("temperature_max", Float),
    Column("humidity_min", Float),
    Column("humidity_max", Float),
    Column("created_at", Int64, nullable=False),
    Column("updated_at", Int64, nullable=False),
    Column("ignored", Boolean, nullable=False, server_default=false()),  # what its devices say is not taken
)

sensor_key = Table(  # a sensor's further keys: those of the sensors that were merged into it
    "sensor_key",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("sensor_id", Int64, ForeignKey("sensor.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Int64, nullable=False),
)

blocked_key = Table(  # keys of deleted sensors, and keys that never had one: they stay out until allowed again
    "blocked_key",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("created_at", Int64, nullable=False),
)


def _reading_columns() -> list[Column[object]]:
    return [
        Column("temperature", Float),
        Column("humidity", Float),
        Column("others", Text),  # JSON object, NULL when empty
        Column("quality", SmallInteger, nullable=False),
        Column("received_at", Int64, nullable=False),
        Column("source", Integer, nullable=False),
        Column("raw", Text),  # JSON object, NULL when nothing was changed or doubted
        Column("device_time", Int64),
        Column("clock_set", SmallInteger, nullable=False),
        Column("updated_at", Int64),
    ]


source = Table(  # driver names, so that a row carries a small number
    "source",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(255), nullable=False, unique=True),
    Column("memory", Text),  # JSON: what the driver and its formats learned
)

reading_recent = Table(
    "reading_recent",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=False),
    Column("sensor_id", Int64, nullable=False),
    Column("time", Int64, nullable=False),
    Column("sequence", Int64, nullable=False),
    *_reading_columns(),
    Column("token", Text),  # names the transmission: the source may send it again
)

reading = Table(
    "reading",
    metadata,
    Column("sensor_id", Int64, primary_key=True, autoincrement=False),
    Column("time", Int64, primary_key=True, autoincrement=False),
    Column("sequence", Int64, primary_key=True, autoincrement=False),
    Column("id", Int64, nullable=False),
    *_reading_columns(),
    Index("ix_reading_id", "id", unique=True),
    sqlite_with_rowid=False,
)

# Shows folded and unfolded rows as one. A view: its MetaData is its own, so that nobody creates it as a table.
reading_all = Table(
    "reading_all",
    MetaData(),
    Column("id", Int64, primary_key=True),
    Column("sensor_id", Int64),
    Column("time", Int64),
    Column("sequence", Int64),
    *_reading_columns(),
)

folded_token = Table(  # tokens of folded rows whose messages a source may still send again
    "folded_token",
    metadata,
    Column("reading_id", Int64, primary_key=True, autoincrement=False),
    Column("sensor_id", Int64, nullable=False),
    Column("source", Integer, nullable=False),
    Column("token", Text, nullable=False),
)

location = Table(
    "location",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=False),
    Column("sensor_id", Int64, ForeignKey("sensor.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("latitude", Float, nullable=False),
    Column("longitude", Float, nullable=False),
    Column("description", Text),
    Column("created_at", Int64, nullable=False),
    Column("updated_at", Int64, nullable=False),
)

anomaly = Table(
    "anomaly",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=False),
    Column("sensor_id", Int64, ForeignKey("sensor.id", ondelete="CASCADE"), nullable=False),
    Column("reading_id", Int64),
    Column("kind", String(32), nullable=False),
    Column("value", Float),
    Column("score", Float, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("explanation_en", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("resolved_at", Int64),
    Column("created_at", Int64, nullable=False),
    Column("updated_at", Int64, nullable=False),
    Column("feature", Text),
    Column("quantity", Text),  # comma-separated
    Column("verdict", Text),
    Index("ix_anomaly_sensor_id_created_at", "sensor_id", "created_at"),
    Index("ix_anomaly_created_at", "created_at"),
)

prediction = Table(
    "prediction",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=False),
    Column("sensor_id", Int64, ForeignKey("sensor.id", ondelete="CASCADE"), nullable=False),
    Column("location_id", Int64),
    Column("quantity", String(32), nullable=False),
    Column("horizon_s", Integer, nullable=False),
    Column("value", Float, nullable=False),
    Column("lower", Float, nullable=False),
    Column("upper", Float, nullable=False),
    Column("predicted_at", Int64, nullable=False),
    Column("model", Text, nullable=False),
    Column("probability", Float),
    Column("comment", Text),
    Column("comment_en", Text),
    Column("created_at", Int64, nullable=False),
    Column("updated_at", Int64, nullable=False),
    Index("ix_prediction_sensor_id_created_at", "sensor_id", "created_at"),
    Index("ix_prediction_created_at", "created_at"),
)

account = Table(
    "account",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("channels", Text, nullable=False),  # comma-separated
    Column("version", Integer, nullable=False),  # grows with every change: older tokens end
    Column("created_at", Int64, nullable=False),
    Column("updated_at", Int64, nullable=False),
)

script_token = Table(  # long-lived tokens, so that each can be revoked
    "script_token",
    metadata,
    Column("jti", String(64), primary_key=True),
    Column("account", String(64), ForeignKey("account.name", ondelete="CASCADE"), nullable=False),
    Column("expires_at", Int64, nullable=False),
    Column("created_at", Int64, nullable=False),
    Column("revoked_at", Int64),
    UniqueConstraint("jti", "account"),
)

id_block = Table(  # ids below ``next`` may have been seen; they are never given again
    "id_block",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("next", Int64, nullable=False),
)

property_ = Table(  # few and small: the mark of the last commit, the times of event ids
    "property",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
