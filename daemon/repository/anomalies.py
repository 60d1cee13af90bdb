"""Anomalies: episodes of one sensor."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from daemon.entities import Anomaly, AnomalyKind, AnomalyState, Verdict
from daemon.repository.paging import Listing, Page, newest
from daemon.tables import anomaly


def anomaly_of(row: Row[Any]) -> Anomaly:
    data = dict(row._mapping)
    data["kind"] = AnomalyKind(data["kind"])
    data["state"] = AnomalyState(data["state"])
    quantity, verdict = data.pop("quantity"), data["verdict"]
    data["quantities"] = tuple(quantity.split(",")) if quantity else ()
    data["verdict"] = None if verdict is None else Verdict(verdict)
    return Anomaly(**data)


def _values(entity: Anomaly) -> dict[str, Any]:
    data = asdict(entity)
    quantities = data.pop("quantities")
    words = {"kind": entity.kind.value, "state": entity.state.value, "verdict": entity.verdict and entity.verdict.value}
    return {**data, **words, "quantity": ",".join(quantities) or None}


def listing(conn: Connection, wanted: Listing, quantity: str | None = None) -> Page[Anomaly]:
    """Newest first; ``equals`` may name ``kind``, ``state`` and ``verdict``. ``quantity``: told of first."""
    page = newest(conn, anomaly, wanted, *([] if quantity is None else [anomaly.c.quantity.startswith(quantity)]))
    return Page([anomaly_of(row) for row in page.rows], page.after)


def open_ones(conn: Connection) -> list[Anomaly]:
    """Every open episode, oldest first, to be taken up again at start."""
    query = select(anomaly).where(anomaly.c.state == AnomalyState.OPEN.value)
    return [anomaly_of(row) for row in conn.execute(query.order_by(anomaly.c.created_at, anomaly.c.id))]


def judged(conn: Connection, sensor_id: int) -> list[Anomaly]:
    """What a model found of a sensor and a person has judged, oldest first."""
    mine = (anomaly.c.sensor_id == sensor_id) & (anomaly.c.kind == AnomalyKind.UNUSUAL_PATTERN.value)
    query = select(anomaly).where(mine, anomaly.c.verdict.is_not(None))
    return [anomaly_of(row) for row in conn.execute(query.order_by(anomaly.c.created_at, anomaly.c.id))]


def by_id(conn: Connection, anomaly_id: int) -> Anomaly | None:
    row = conn.execute(select(anomaly).where(anomaly.c.id == anomaly_id)).first()
    return anomaly_of(row) if row else None


def add(conn: Connection, entity: Anomaly) -> None:
    conn.execute(insert(anomaly).values(_values(entity)))


def change(conn: Connection, entity: Anomaly) -> None:
    """Write every column of an anomaly that is there."""
    conn.execute(update(anomaly).where(anomaly.c.id == entity.id).values(_values(entity)))


def resolve_open(conn: Connection, sensor_id: int, now: int) -> list[Anomaly]:
    """Close the open episodes of a sensor from which nothing is to be expected; they as they now are."""
    resolved = {"state": AnomalyState.RESOLVED.value, "resolved_at": now, "updated_at": now}
    mine = (anomaly.c.sensor_id == sensor_id) & (anomaly.c.state == AnomalyState.OPEN.value)
    rows = conn.execute(update(anomaly).where(mine).values(resolved).returning(*anomaly.c)).all()
    return sorted(map(anomaly_of, rows), key=lambda episode: episode.id)


def remove(conn: Connection, entity: Anomaly) -> None:
    conn.execute(delete(anomaly).where(anomaly.c.id == entity.id))
