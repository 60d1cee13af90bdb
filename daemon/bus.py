"""Fan-out of events: each gets its id and its bytes once, a place in a log for ``since``, and goes to who wants it.

Lives on the event loop; knows neither the web nor the storage.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from daemon.entities import Anomaly, Entity, Location, Prediction, Sensor, StoredReading
from daemon.events import Channel, EntityEvent, Event, SystemEvent
from daemon.ids import IdsExhaustedError

LOG_EVENTS = 10_000
"""How many events the log holds at most: a day of a small house, minutes of a fleet."""

LOG_BYTES = 8 * 2**20
"""How many bytes of bodies the log holds at most: what a machine of 512 MB can spare."""

RECENT_SYSTEM_EVENTS = 20
"""How many system events a new connection is shown."""

MARK_EVERY = 1000
MARKS = 10_000
"""Of the events that left the log every thousandth leaves a mark of its time: ten million events back, 1 MB."""

LONGEST_GATHERING = 0.02
"""Seconds that events may gather at most, so that one slow round does not make the next one late."""

IDS_AT_ONCE = 1000
IDS_AGAIN = 0.1
"""Ids are taken in pieces that any reserved block holds, and again after so many seconds where there are none."""

_CHANNELS: dict[type[Entity], frozenset[Channel]] = {
    Sensor: frozenset({Channel.GENERAL, Channel.SENSORS}),
    StoredReading: frozenset({Channel.GENERAL, Channel.READINGS}),
    Location: frozenset({Channel.GENERAL, Channel.LOCATIONS}),
    Anomaly: frozenset({Channel.GENERAL, Channel.ANOMALIES}),
    Prediction: frozenset({Channel.GENERAL, Channel.PREDICTIONS}),
}
_GENERAL = frozenset({Channel.GENERAL})


@dataclass(frozen=True, slots=True)
class Published:
    """An event with its id and its bytes. ``at`` is µs since 1970; ``sensor_id`` None passes every sensor filter."""

    id: int
    at: int
    channels: frozenset[Channel]
    sensor_id: int | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Selection:
    """What a subscriber wants: events of any of ``channels``, and of ``sensor_ids`` alone where given."""

    channels: frozenset[Channel]
    sensor_ids: frozenset[int] | None = None

    def wants(self, event: Published) -> bool:
        if self.channels.isdisjoint(event.channels):
            return False
        return self.sensor_ids is None or event.sensor_id is None or event.sensor_id in self.sensor_ids


class Subscriber(Protocol):
    """Takes events as they come; ``offer`` returns at once, keeps its own bounded queue and never raises.

    All subscribers with equal selections are offered the very same sequence, so what is made of it can be shared.
    """

    def offer(self, events: Sequence[Published], /) -> None: ...


@dataclass(frozen=True, slots=True)
class Replay:
    """What a new subscriber has missed, oldest first.

    ``missing_from`` (µs since 1970) is set where the log does not reach back: what the log no longer has happened
    at or after it; 0 where nothing is known of that id.
    """

    events: Sequence[Published]
    missing_from: int | None = None


class _Log:
    """The newest events, and the times of some that left. ``newest`` is the last id that anyone was given."""

    def __init__(self, earlier: Sequence[tuple[int, int]]) -> None:
        self.newest = 0
        self._events: deque[Published] = deque()
        self._bytes = 0
        self._floor: int | None = None  # everything after this id is here
        self._marks: deque[tuple[int, int]] = deque(earlier, maxlen=MARKS)
        self._evicted = 0

    def append(self, event: Published) -> None:
        if self._floor is None:
            self._floor = event.id - 1
            self._marks.append((self._floor, event.at))
        self._events.append(event)
        self._bytes += len(event.body)
        while len(self._events) > LOG_EVENTS or self._bytes > LOG_BYTES:
            self._evict()

    def _evict(self) -> None:
        event = self._events.popleft()
        self._bytes -= len(event.body)
        self._floor = event.id
        self._evicted += 1
        if self._evicted % MARK_EVERY == 0:
            self._marks.append((event.id, event.at))

    def after(self, since: int, selection: Selection) -> list[Published]:
        return [event for event in self._events if event.id > since and selection.wants(event)]

    def missing_from(self, since: int) -> int | None:
        """None where the log holds everything after ``since``."""
        if self._floor is None:
            return None if since in {0, self.newest} else 0
        if self._floor <= since <= self.newest:
            return None
        if since > self.newest:
            return 0  # of another installation, or of a database that was put back: nothing is known of it
        return max((at for id_, at in self._marks if id_ <= since), default=0)


class Bus:
    """``encode`` makes an event's bytes for its id; ``take_ids`` gives n ever increasing ids.

    While ``take_ids`` raises IdsExhaustedError, events wait for their ids, ``LOG_EVENTS`` at most. ``earlier`` is what
    is known of the ids of earlier runs: pairs of an id and the µs at or after which all that came later happened.
    """

    def __init__(
        self,
        encode: Callable[[int, Event], bytes],
        take_ids: Callable[[int], Sequence[int]],
        earlier: Sequence[tuple[int, int]] = (),
    ) -> None:
        self._encode = encode
        self._take_ids = take_ids
        self._log = _Log(earlier)
        self._system: deque[Published] = deque(maxlen=RECENT_SYSTEM_EVENTS)
        self._groups: dict[Selection, dict[Subscriber, None]] = {}
        self._selections: dict[Subscriber, Selection] = {}
        self._unnumbered: deque[Event] = deque()
        self._retry: asyncio.Handle | None = None
        self.lost = 0
        """Events that nobody was sent, because for too long no id was to be had."""
        self._pending: list[Published] = []
        self._gathered = 0  # calls of publish since the last round of offers
        self._timer: asyncio.Handle | None = None
        self._not_before = 0.0

    @property
    def newest(self) -> int | None:
        """The last id that was given; None before the first, and while events that have happened wait for theirs."""
        return None if self._unnumbered or self._log.newest == 0 else self._log.newest

    def publish(self, events: Sequence[Event]) -> None:
        """Log the events and offer them to their subscribers, in order, soon.

        What is published in one turn of the loop is offered together. Where events come faster than rounds of offers
        end, each round is followed by a pause twice as long, in which they gather: however many the subscribers,
        fan-out then takes a third of the loop. At low load nothing waits, but for ids where none is reserved.
        """
        if not events:
            return
        self._unnumbered.extend(events)
        while len(self._unnumbered) > LOG_EVENTS:
            self._unnumbered.popleft()
            self.lost += 1
        self._gathered += 1
        if self._retry is None:
            self._number()

    def _number(self) -> None:
        """Give ids to what was published, log it, and see to it that it is offered."""
        self._retry = None
        loop = asyncio.get_running_loop()
        while self._unnumbered:
            try:
                ids = self._take_ids(min(len(self._unnumbered), IDS_AT_ONCE))
            except IdsExhaustedError:
                self._retry = loop.call_later(IDS_AGAIN, self._number)
                break
            for id_ in ids:
                event = self._unnumbered.popleft()
                published = self._published(id_, event)
                self._log.append(published)
                if isinstance(event, SystemEvent):
                    self._system.append(published)
                self._pending.append(published)
        if self._pending and self._timer is None:
            wait = self._not_before > loop.time()
            self._timer = loop.call_at(self._not_before, self._flush) if wait else loop.call_soon(self._flush)

    def note(self, event: SystemEvent) -> Published:
        """The event with an id and bytes, for one subscriber alone: neither logged nor offered to anyone.

        Raises IdsExhaustedError.
        """
        return self._published(self._take_ids(1)[0], event)

    def attach(self, subscriber: Subscriber, selection: Selection, since: int | None = None) -> Replay:
        """From now on offer to ``subscriber`` what it selects; returns what comes before that.

        With ``since``, what was published after that id; else, for the general channel, the last system events.
        Between what is returned and what is offered there is neither a gap nor a duplicate.
        """
        self._flush()
        self._selections[subscriber] = selection
        self._groups.setdefault(selection, {})[subscriber] = None
        if since is not None:
            return Replay(self._log.after(since, selection), self._log.missing_from(since))
        return Replay(
            [event for event in self._system if selection.wants(event)] if self._shows_news(selection) else []
        )

    def detach(self, subscriber: Subscriber) -> None:
        """Offer it nothing more; unknown subscribers are fine."""
        selection = self._selections.pop(subscriber, None)
        if selection is None:
            return
        members = self._groups[selection]
        del members[subscriber]
        if not members:
            del self._groups[selection]

    @staticmethod
    def _shows_news(selection: Selection) -> bool:
        return Channel.GENERAL in selection.channels

    def _published(self, id_: int, event: Event) -> Published:
        self._log.newest = id_
        # An exact copy: what an encoder returns may sit at the head of a much larger block, and stays in the log.
        body = bytes(memoryview(self._encode(id_, event)))
        if isinstance(event, EntityEvent):
            entity = event.entity
            sensor_id = entity.id if isinstance(entity, Sensor) else entity.sensor_id
            return Published(id_, event.at, _CHANNELS[type(entity)], sensor_id, body)
        channels = _GENERAL if event.channel is None else _GENERAL | {event.channel}
        return Published(id_, event.at, channels, None, body)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        events, self._pending = self._pending, []
        crowded, self._gathered = self._gathered > 1, 0
        loop = asyncio.get_running_loop()
        started = loop.time()
        for selection, members in list(self._groups.items()):
            chosen = tuple(event for event in events if selection.wants(event))
            if chosen:
                for subscriber in list(members):
                    subscriber.offer(chosen)
        ended = loop.time()
        self._not_before = ended + min(2 * (ended - started), LONGEST_GATHERING) if crowded else ended
