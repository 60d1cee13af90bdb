"""Identity: a sensor may have further keys (merged into it), and may be ignored."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("sensor", sa.Column("ignored", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "sensor_key",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("sensor_id", Int64, nullable=False),
        sa.Column("created_at", Int64, nullable=False),
        sa.ForeignKeyConstraint(["sensor_id"], ["sensor.id"], name=op.f("fk_sensor_key_sensor_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sensor_key")),
    )
