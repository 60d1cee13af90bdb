"""Predictions: what a model, or a person, expects of a sensor."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from daemon.entities import Prediction
from daemon.repository.paging import Listing, Page, newest
from daemon.tables import prediction

LATEST_AMONG = 1000
"""How far back the newest of each kind is looked for: 20 horizons of 2 quantities, 25 runs of them."""

_OVERTAKEN_AFTER = 30 * 60 * 1_000_000
"""µs, beside half its horizon, after which a row that a newer one of its quantity follows stands no more."""


def prediction_of(row: Row[Any]) -> Prediction:
    return Prediction(**row._mapping)


def listing(conn: Connection, wanted: Listing) -> Page[Prediction]:
    """Newest first; ``equals`` may name ``quantity``."""
    page = newest(conn, prediction, wanted)
    return Page([prediction_of(row) for row in page.rows], page.after)


def latest(conn: Connection, sensor_id: int) -> list[Prediction]:
    """The newest of each quantity and horizon among the sensor's last LATEST_AMONG, by quantity and horizon.

    A warning, which has a comment, does not take a forecast's place. A row of a horizon that none is made for any more
    (a warning was for a time of its own) goes once newer ones have overtaken it.
    """
    page = newest(conn, prediction, Listing(LATEST_AMONG, sensor_id))
    rows = [prediction_of(row) for row in page.rows]
    made: dict[str, int] = {}
    found: dict[tuple[str, int], Prediction] = {}
    for entity in rows:  # newest first
        made.setdefault(entity.quantity, entity.created_at)
    for entity in sorted(rows, key=lambda row: row.comment is not None):  # else as they were
        if made[entity.quantity] - entity.created_at <= entity.horizon_s * 500_000 + _OVERTAKEN_AFTER:
            found.setdefault((entity.quantity, entity.horizon_s), entity)
    return [found[key] for key in sorted(found)]


def warnings(conn: Connection, since: int) -> list[Prediction]:
    """Those with a probability and a comment that were made from ``since`` (µs) on."""
    recent = (prediction.c.created_at >= since) & prediction.c.probability.is_not(None)
    rows = conn.execute(select(prediction).where(recent & prediction.c.comment_en.is_not(None)))
    return [prediction_of(row) for row in rows]


def by_id(conn: Connection, prediction_id: int) -> Prediction | None:
    row = conn.execute(select(prediction).where(prediction.c.id == prediction_id)).first()
    return prediction_of(row) if row else None


def add(conn: Connection, entity: Prediction) -> None:
    conn.execute(insert(prediction).values(asdict(entity)))


def add_many(conn: Connection, entities: list[Prediction]) -> None:
    """A model's run over many sensors in one statement."""
    if entities:
        conn.execute(insert(prediction), [asdict(entity) for entity in entities])


def change(conn: Connection, entity: Prediction) -> None:
    """Write every column of a prediction that is there."""
    conn.execute(update(prediction).where(prediction.c.id == entity.id).values(asdict(entity)))


def remove(conn: Connection, entity: Prediction) -> None:
    conn.execute(delete(prediction).where(prediction.c.id == entity.id))


def remove_before(conn: Connection, before: int) -> int:
    """Delete what was made before ``before`` (µs); how many went."""
    return conn.execute(delete(prediction).where(prediction.c.created_at < before)).rowcount
