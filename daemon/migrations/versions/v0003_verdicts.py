"""Verdicts: an anomaly knows what the model saw, and what a person says of it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("feature", "quantity", "verdict"):
        op.add_column("anomaly", sa.Column(name, sa.Text(), nullable=True))
