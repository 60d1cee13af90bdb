"""When events happened, by their ids: events themselves are not kept, and a client may come back after a restart."""

import json

from sqlalchemy import Connection, delete, insert, select

from daemon.tables import property_

MOST = 1000
"""How many times are kept, the newest: six weeks by the hour, 30 kB."""

_NAME = "event_times"
_MINE = property_.c.name == _NAME


def known(conn: Connection) -> list[tuple[int, int]]:
    """Pairs of an id and µs since 1970, oldest first: every event after the id happened at that time or later."""
    text = conn.execute(select(property_.c.value).where(_MINE)).scalar()
    return [(id_, at) for id_, at in json.loads(text)] if text else []


def remember(conn: Connection, event_id: int, at: int) -> None:
    """Add a pair, and forget the oldest over ``MOST``."""
    kept = [*known(conn), (event_id, at)][-MOST:]
    conn.execute(delete(property_).where(_MINE))
    conn.execute(insert(property_).values(name=_NAME, value=json.dumps(kept)))
