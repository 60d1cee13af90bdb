"""The foundation: sensors, readings in two tables and the view over both, places, anomalies, predictions, accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_READING = (
    "id, sensor_id, time, sequence, temperature, humidity, others, quality, received_at, source, raw, device_time, "
    "clock_set, updated_at"
)


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("channels", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Int64, nullable=False),
        sa.Column("updated_at", Int64, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_account")),
    )
    op.create_table(
        "blocked_key",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("created_at", Int64, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_blocked_key")),
    )
    op.create_table(
        "folded_token",
        sa.Column("reading_id", Int64, autoincrement=False, nullable=False),
        sa.Column("sensor_id", Int64, nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("reading_id", name=op.f("pk_folded_token")),
    )
    op.create_table(
        "id_block",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("next", Int64, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_id_block")),
    )
    op.create_table(
        "property",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_property")),
    )
    op.create_table(
        "reading",
        sa.Column("sensor_id", Int64, autoincrement=False, nullable=False),
        sa.Column("time", Int64, autoincrement=False, nullable=False),
        sa.Column("sequence", Int64, autoincrement=False, nullable=False),
        sa.Column("id", Int64, nullable=False),
        sa.Column("temperature", sa.Float(), nullable=True),
        sa.Column("humidity", sa.Float(), nullable=True),
        sa.Column("others", sa.Text(), nullable=True),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.Column("received_at", Int64, nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=True),
        sa.Column("device_time", Int64, nullable=True),
        sa.Column("clock_set", sa.SmallInteger(), nullable=False),
        sa.Column("updated_at", Int64, nullable=True),
        sa.PrimaryKeyConstraint("sensor_id", "time", "sequence", name=op.f("pk_reading")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_reading_id", "reading", ["id"], unique=True)
    op.create_table(
        "reading_recent",
        sa.Column("id", Int64, autoincrement=False, nullable=False),
        sa.Column("sensor_id", Int64, nullable=False),
        sa.Column("time", Int64, nullable=False),
        sa.Column("sequence", Int64, nullable=False),
        sa.Column("temperature", sa.Float(), nullable=True),
        sa.Column("humidity", sa.Float(), nullable=True),
        sa.Column("others", sa.Text(), nullable=True),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.Column("received_at", Int64, nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=True),
        sa.Column("device_time", Int64, nullable=True),
        sa.Column("clock_set", sa.SmallInteger(), nullable=False),
        sa.Column("updated_at", Int64, nullable=True),
        sa.Column("token", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reading_recent")),
    )
    op.create_table(
        "sensor",
        sa.Column("id", Int64, autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("last_reading_at", Int64, nullable=True),
        sa.Column("temperature_offset", sa.Float(), nullable=False),
        sa.Column("humidity_offset", sa.Float(), nullable=False),
        sa.Column("temperature_min", sa.Float(), nullable=True),
        sa.Column("temperature_max", sa.Float(), nullable=True),
        sa.Column("humidity_min", sa.Float(), nullable=True),
        sa.Column("humidity_max", sa.Float(), nullable=True),
        sa.Column("created_at", Int64, nullable=False),
        sa.Column("updated_at", Int64, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sensor")),
        sa.UniqueConstraint("key", name=op.f("uq_sensor_key")),
    )
    op.create_table(
        "source",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("memory", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("name", name=op.f("uq_source_name")),
    )
    op.create_table(
        "anomaly",
        sa.Column("id", Int64, autoincrement=False, nullable=False),
        sa.Column("sensor_id", Int64, nullable=False),
        sa.Column("reading_id", Int64, nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("explanation_en", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("resolved_at", Int64, nullable=True),
        sa.Column("created_at", Int64, nullable=False),
        sa.Column("updated_at", Int64, nullable=False),
        sa.ForeignKeyConstraint(["sensor_id"], ["sensor.id"], name=op.f("fk_anomaly_sensor_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_anomaly")),
    )
    op.create_index("ix_anomaly_created_at", "anomaly", ["created_at"], unique=False)
    op.create_index("ix_anomaly_sensor_id_created_at", "anomaly", ["sensor_id", "created_at"], unique=False)
    op.create_table(
        "location",
        sa.Column("id", Int64, autoincrement=False, nullable=False),
        sa.Column("sensor_id", Int64, nullable=False),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("longitude", sa.Float(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created_at", Int64, nullable=False),
        sa.Column("updated_at", Int64, nullable=False),
        sa.ForeignKeyConstraint(["sensor_id"], ["sensor.id"], name=op.f("fk_location_sensor_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_location")),
    )
    op.create_index(op.f("ix_location_sensor_id"), "location", ["sensor_id"], unique=False)
    op.create_table(
        "prediction",
        sa.Column("id", Int64, autoincrement=False, nullable=False),
        sa.Column("sensor_id", Int64, nullable=False),
        sa.Column("location_id", Int64, nullable=True),
        sa.Column("quantity", sa.String(length=32), nullable=False),
        sa.Column("horizon_s", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("lower", sa.Float(), nullable=False),
        sa.Column("upper", sa.Float(), nullable=False),
        sa.Column("predicted_at", Int64, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("comment_en", sa.Text(), nullable=True),
        sa.Column("created_at", Int64, nullable=False),
        sa.Column("updated_at", Int64, nullable=False),
        sa.ForeignKeyConstraint(["sensor_id"], ["sensor.id"], name=op.f("fk_prediction_sensor_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prediction")),
    )
    op.create_index("ix_prediction_created_at", "prediction", ["created_at"], unique=False)
    op.create_index("ix_prediction_sensor_id_created_at", "prediction", ["sensor_id", "created_at"], unique=False)
    op.create_table(
        "script_token",
        sa.Column("jti", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("expires_at", Int64, nullable=False),
        sa.Column("created_at", Int64, nullable=False),
        sa.Column("revoked_at", Int64, nullable=True),
        sa.ForeignKeyConstraint(
            ["account"], ["account.name"], name=op.f("fk_script_token_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_script_token")),
        sa.UniqueConstraint("jti", "account", name=op.f("uq_script_token_jti")),
    )
    op.execute(
        f"CREATE VIEW reading_all AS SELECT {_READING} FROM reading UNION ALL SELECT {_READING} FROM reading_recent"  # noqa: S608 - our own names
    )
