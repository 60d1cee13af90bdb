"""The bus: ids and bytes once, channels, and a log that joins replay and live without a seam."""

import asyncio
import json
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from support.live_server import AT, ONE_OF_EACH, Ids, anomaly, location, news, prediction, reading, sensor

from daemon.api.schemas import encode_event
from daemon.bus import LOG_BYTES, LOG_EVENTS, MARK_EVERY, Bus, Published, Selection
from daemon.events import Channel, Event
from daemon.ids import IdsExhaustedError

GENERAL = Selection(frozenset({Channel.GENERAL}))
READINGS = Selection(frozenset({Channel.READINGS}))


class Collector:
    def __init__(self) -> None:
        self.ids: list[int] = []
        self.offers: list[Sequence[Published]] = []
        self.arrived = asyncio.Event()

    def offer(self, events: Sequence[Published], /) -> None:
        self.offers.append(events)
        self.ids += [event.id for event in events]
        self.arrived.set()


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def delivered(collector: Collector, count: int) -> None:
    async with asyncio.timeout(10):
        while len(collector.ids) < count:
            collector.arrived.clear()
            await collector.arrived.wait()


async def test_general_gets_everything_and_each_channel_its_own() -> None:
    bus = Bus(encode_event, Ids())
    clients = {channel: Collector() for channel in Channel}
    for channel, client in clients.items():
        bus.attach(client, Selection(frozenset({channel})))
    bus.publish([sensor(), reading(1), location(1), anomaly(1), prediction(1), news()])
    await turns()
    assert clients[Channel.GENERAL].ids == [1, 2, 3, 4, 5, 6]
    for number, channel in enumerate(ONE_OF_EACH, start=1):
        assert clients[channel].ids == [number]


async def test_an_event_of_several_wanted_channels_comes_once() -> None:
    bus = Bus(encode_event, Ids())
    client = Collector()
    bus.attach(client, Selection(frozenset(Channel)))
    bus.publish([reading(1), sensor(), news("x", Channel.READINGS)])
    await turns()
    assert client.ids == [1, 2, 3]


async def test_a_sensor_filter_lets_system_events_pass() -> None:
    bus = Bus(encode_event, Ids())
    client = Collector()
    bus.attach(client, Selection(frozenset({Channel.GENERAL}), frozenset({2})))
    bus.publish([reading(1, 1), reading(2, 2), sensor(1), sensor(2), anomaly(1, 1), news()])
    await turns()
    assert client.ids == [2, 4, 6]


async def test_an_event_is_encoded_once_with_its_id_and_offered_as_one_sequence() -> None:
    encoded: list[int] = []

    def encode(id_: int, event: Event) -> bytes:
        encoded.append(id_)
        return encode_event(id_, event)

    bus = Bus(encode, Ids(first=41))
    first, second = Collector(), Collector()
    bus.attach(first, READINGS)
    bus.attach(second, READINGS)
    bus.publish([reading(7)])
    bus.publish([reading(8)])
    await turns()
    assert encoded == [41, 42]
    assert len(first.offers) == 1
    assert first.offers[0] is second.offers[0]
    assert [json.loads(event.body)["id"] for event in first.offers[0]] == [41, 42]


async def test_a_detached_subscriber_gets_nothing_more() -> None:
    bus = Bus(encode_event, Ids())
    client, other = Collector(), Collector()
    bus.attach(client, GENERAL)
    bus.attach(other, GENERAL)
    bus.publish([news()])
    bus.detach(client)
    bus.detach(client)
    await turns()
    assert client.ids == []
    assert other.ids == [1]


async def test_since_replays_what_was_missed_and_goes_on_live() -> None:
    bus = Bus(encode_event, Ids())
    early = Collector()
    bus.attach(early, READINGS)
    bus.publish([reading(1), sensor(), reading(2)])
    bus.publish([reading(3)])  # still on its way to those who are here
    client = Collector()
    replay = bus.attach(client, READINGS, since=1)
    bus.publish([reading(4)])
    await delivered(early, 4)
    assert early.ids == [1, 3, 4, 5]
    assert [event.id for event in replay.events] + client.ids == [3, 4, 5]
    assert replay.missing_from is None


async def test_a_new_client_of_general_is_shown_the_last_twenty_system_events() -> None:
    bus = Bus(encode_event, Ids())
    bus.publish([news(str(number)) for number in range(30)] + [reading(1)])
    shown = bus.attach(Collector(), Selection(frozenset({Channel.GENERAL, Channel.READINGS}), frozenset({9}))).events
    assert [event.id for event in shown] == list(range(11, 31))
    assert bus.attach(Collector(), READINGS).events == []
    assert [event.id for event in bus.attach(Collector(), GENERAL, since=30).events] == [31]


async def test_the_log_says_from_when_rest_fills_the_gap() -> None:
    bus = Bus(encode_event, Ids())
    for start in range(1, 3 * LOG_EVENTS, 500):
        bus.publish([reading(number) for number in range(start, start + 500)])
    newest = 3 * LOG_EVENTS
    floor = newest - LOG_EVENTS
    whole = bus.attach(Collector(), READINGS, since=floor)
    assert [event.id for event in whole.events] == list(range(floor + 1, newest + 1))
    assert whole.missing_from is None

    since = floor - 1500
    partial = bus.attach(Collector(), READINGS, since=since)
    assert [event.id for event in partial.events] == list(range(floor + 1, newest + 1))
    assert partial.missing_from is not None
    # Not after the first event that is missing, and not needlessly long before.
    assert AT + since - MARK_EVERY <= partial.missing_from <= AT + since + 1


async def test_events_of_an_earlier_run_are_a_gap() -> None:
    bus = Bus(encode_event, Ids(first=100_001))
    bus.publish([news("start")])
    assert bus.attach(Collector(), GENERAL, since=57).missing_from == 0
    assert bus.attach(Collector(), GENERAL, since=100_000).missing_from is None
    assert bus.attach(Collector(), GENERAL, since=100_001).missing_from is None
    unknown = bus.attach(Collector(), GENERAL, since=100_002)
    assert (unknown.events, unknown.missing_from) == ([], 0)


async def test_the_gap_of_an_earlier_run_begins_at_the_last_time_known_before_it() -> None:
    bus = Bus(encode_event, Ids(first=100_001), [(1, AT - 900), (50, AT - 600), (80, AT - 300)])
    bus.publish([news("start")])
    for since, begins in ((0, 0), (1, AT - 900), (57, AT - 600), (80, AT - 300), (99, AT - 300)):
        assert bus.attach(Collector(), GENERAL, since=since).missing_from == begins


async def test_the_id_of_a_note_to_one_client_is_no_gap() -> None:
    bus = Bus(encode_event, Ids())
    assert bus.newest is None
    bus.publish([reading(1)])
    assert bus.newest == 1
    noted = bus.note(news("two events were missed")).id
    assert bus.attach(Collector(), READINGS, since=noted).missing_from is None
    bus.publish([reading(2)])
    replay = bus.attach(Collector(), READINGS, since=noted)
    assert ([event.id for event in replay.events], replay.missing_from) == ([noted + 1], None)


async def test_nothing_is_missing_where_nothing_has_happened() -> None:
    bus = Bus(encode_event, Ids())
    assert bus.attach(Collector(), GENERAL, since=0).missing_from is None
    bus.publish([news()])
    assert [event.id for event in bus.attach(Collector(), GENERAL, since=0).events] == [1]


async def test_the_log_is_bounded_in_bytes() -> None:
    bus = Bus(lambda id_, event: b"x" * 2**20, Ids())
    bus.publish([reading(number) for number in range(1, 20)])
    replay = bus.attach(Collector(), READINGS, since=0)
    assert sum(len(event.body) for event in replay.events) == LOG_BYTES
    assert replay.missing_from == AT + 1


async def test_events_wait_for_ids_and_lose_neither_order_nor_place() -> None:
    ids, reserved = Ids(), False

    def take(count: int) -> range:
        if not reserved:
            raise IdsExhaustedError("none")
        return ids(count)

    bus = Bus(encode_event, take)
    client = Collector()
    bus.attach(client, GENERAL)
    bus.publish([reading(1), news()])
    bus.publish([reading(2)])
    await turns()
    assert client.ids == []
    reserved = True
    await delivered(client, 3)
    assert [json.loads(event.body)["type"] for offer in client.offers for event in offer] == [
        "entity_event",
        "system_event",
        "entity_event",
    ]
    assert client.ids == [1, 2, 3]
    assert bus.lost == 0


async def test_no_more_events_wait_for_ids_than_the_log_would_hold() -> None:
    def take(count: int) -> range:
        raise IdsExhaustedError("none")

    bus = Bus(encode_event, take)
    bus.publish([news()] * (LOG_EVENTS + 3))
    assert bus.lost == 3


channel_sets = st.frozensets(st.sampled_from(list(Channel)), min_size=1)
sensor_sets = st.none() | st.frozensets(st.integers(1, 3), min_size=1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.lists(st.tuples(st.sampled_from([*ONE_OF_EACH, None]), st.integers(1, 3)))),
        st.tuples(st.just("attach"), st.tuples(channel_sets, sensor_sets, st.integers(0, 30))),
        st.tuples(st.just("turn"), st.none()),
        st.tuples(st.just("restart_ids"), st.none()),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=150)
@given(steps)
def test_whatever_happens_everyone_gets_each_event_once_and_in_order(plan: list[tuple[str, object]]) -> None:
    asyncio.run(_follow(plan))


async def _follow(plan: list[tuple[str, object]]) -> None:
    ids = Ids()
    bus = Bus(encode_event, ids)
    everything = Collector()
    bus.attach(everything, GENERAL)
    published: list[tuple[int, frozenset[Channel], int | None]] = []
    clients: list[tuple[Selection, int, Collector, list[int]]] = []
    for step, detail in plan:
        if step == "publish":
            assert isinstance(detail, list)
            events: list[Event] = []
            for channel, sensor_id in detail:
                events.append(news() if channel is None else ONE_OF_EACH[channel](1, sensor_id))
                wanted = {Channel.GENERAL} if channel is None else {Channel.GENERAL, channel}
                published.append((ids(0).start + len(events) - 1, frozenset(wanted), sensor_id if channel else None))
            bus.publish(events)
        elif step == "attach":
            assert isinstance(detail, tuple)
            selection, since, client = Selection(detail[0], detail[1]), detail[2], Collector()
            replay = bus.attach(client, selection, since)
            clients.append((selection, since, client, [event.id for event in replay.events]))
        elif step == "restart_ids":
            ids.skip(5)
        else:
            await turns()
    await delivered(everything, len(published))
    assert everything.ids == [id_ for id_, _, _ in published]
    first_attached = dict.fromkeys(everything.ids)
    assert len(first_attached) == len(published)
    for selection, since, client, replayed in clients:
        expected = [
            id_
            for id_, channels, sensor_id in published
            if id_ > since
            and channels & selection.channels
            and (selection.sensor_ids is None or sensor_id is None or sensor_id in selection.sensor_ids)
        ]
        got = replayed + client.ids
        # A ``since`` of the future replays nothing; what is published after joining comes all the same.
        assert got == sorted(set(got))
        assert [id_ for id_ in got if id_ > since] == expected
