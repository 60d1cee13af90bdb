"""Times of event ids outlive a restart, in bounded number."""

from daemon.database import Database
from daemon.repository import event_times


def test_pairs_come_back_in_order_and_the_oldest_are_forgotten(database: Database) -> None:
    with database.writer.begin() as conn:
        assert event_times.known(conn) == []
        event_times.remember(conn, 1, 10)
    with database.writer.begin() as conn:
        for number in range(2, event_times.MOST + 3):
            event_times.remember(conn, number, number * 10)
        pairs = event_times.known(conn)
    assert len(pairs) == event_times.MOST
    assert (pairs[0], pairs[-1]) == ((3, 30), (event_times.MOST + 2, 10 * (event_times.MOST + 2)))
