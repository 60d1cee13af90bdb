"""The API as clients meet it: every real part behind it but drivers and models, on a database of its own."""

import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from daemon import accounts
from daemon.accounts import Role
from daemon.api import create_app
from daemon.api.auth import Authenticator
from daemon.api.connections import Hub, Limits
from daemon.api.schemas import encode_event
from daemon.api.services import WEB, Health, Services
from daemon.batches import Commit
from daemon.bus import Bus
from daemon.config import Config
from daemon.derived import Derivations, ForecastSkill, PlaceRisk, air_of
from daemon.entities import Prediction
from daemon.events import Channel, EntityEvent, Event
from daemon.intake import Intake, Source
from daemon.modelling import is_dropped
from daemon.recorder import Recorder
from daemon.repository.reads import Reads
from daemon.schema import open_database
from daemon.sensors import Directory
from daemon.submissions import SubmitResult

KEY = b"k" * 32
BASE = "http://127.0.0.1:8000"


@dataclass
class Clock:
    """A wall clock that moves 1 ms each time it is looked at, and a monotonic one that is moved by hand."""

    wall: int = 1_753_007_400_000_000  # 2025-07-20T10:30:00Z
    steady: float = 0.0
    known: bool = True

    def now(self) -> int:
        self.wall += 1000
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def is_set(self) -> bool:
        return self.known


@dataclass
class Rest:
    """``events`` holds what was published, in order; ``refused`` what was counted as turned away."""

    client: httpx.AsyncClient
    services: Services
    recorder: Recorder
    clock: Clock
    events: list[Event] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    risks: dict[int, list[PlaceRisk]] = field(default_factory=dict)
    skills: dict[int, list[ForecastSkill]] = field(default_factory=dict)
    warnings: list[Prediction] = field(default_factory=list)

    def entity_events(self) -> list[EntityEvent]:
        return [event for event in self.events if isinstance(event, EntityEvent)]

    async def sensor(self, **fields: Any) -> dict[str, Any]:
        answer = await self.client.post("/api/v1/sensors", json={"tipo": "temperatura", "modelo": "DHT22", **fields})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def add_account(
        self, name: str, password: str, role: Role, channels: frozenset[Channel] = frozenset(Channel)
    ) -> None:
        """As ``sereno user add`` does."""
        hashed = accounts.hash_password(password)
        now = self.clock.now()
        await self.recorder.change(lambda conn: (accounts.add_account(conn, name, hashed, role, now, channels), []))

    async def sign_in(self, name: str, password: str) -> dict[str, str]:
        """The headers of a signed in user."""
        answer = await self.client.post("/auth/login", json={"username": name, "password": password})
        assert answer.status_code == 200, answer.text
        return {"authorization": f"Bearer {answer.json()['access_token']}"}


@contextlib.asynccontextmanager
async def rest(
    folder: Path,
    *,
    url: str = "sqlite:///test.db",
    config: dict[str, Any] | None = None,
    health: Callable[[], Health] = Health,
    web: Path = WEB,
    train: Callable[[int | None], Any] | None = None,
) -> AsyncIterator[Rest]:
    settings = Config.model_validate(config or {})
    clock = Clock()
    database, _ = open_database(url, folder)
    reads = Reads(database.readers)
    directory = Directory(limit=1000)
    recorder = Recorder(database, sync_interval=1.0)
    events: list[Event] = []
    refused: list[tuple[str, str]] = []
    risks: dict[int, list[PlaceRisk]] = {}
    skills: dict[int, list[ForecastSkill]] = {}
    warnings: list[Prediction] = []

    def committed(commit: Commit) -> None:
        for event in commit.events:
            directory.follow(event)
        events.extend(commit.events)
        bus.publish(commit.events)

    recorder.on_commit = committed
    try:
        async with recorder:
            bus = Bus(encode_event, lambda count: recorder.ids.take_many("event", count))
            authenticator = Authenticator(
                key=KEY,
                lifetime=settings.auth.token_lifetime.total_seconds(),
                read=reads,
                now=clock.now,
                clock_set=clock.is_set,
                monotonic=clock.monotonic,
            )
            intake = Intake(
                directory, recorder.ids, clock, store=recorder.store, failed=lambda _: None, available=lambda *_: None
            )
            source = Source("api", "api", ZoneInfo("UTC"))

            async def submit(submissions: Any) -> list[SubmitResult]:
                return await intake.submit(submissions, source)

            async def up() -> bytes:
                return b"sereno_up 1\n"

            services = Services(
                config=settings,
                bus=bus,
                hub=Hub(bus, Limits(100, 20), authenticator, clock.now),
                sensors=directory,
                read=reads,
                change=recorder.change,
                ids=recorder.ids,
                submit=submit,
                authenticator=authenticator,
                derivations=Derivations(
                    lambda sensor: air_of(directory.latest(sensor)),
                    lambda sensor: risks.get(sensor, ()),
                    lambda sensor: skills.get(sensor, ()),
                    lambda: warnings,
                    functools.partial(is_dropped, settings),
                ),
                health=health,
                status=lambda: {"version": "test"},  # type: ignore[return-value, typeddict-item]
                metrics=up,
                now=clock.now,
                clock_set=clock.is_set,
                refuse=lambda door, reason: refused.append((door, reason)),
                unfolded=recorder.unfolded,
                train=train,
                web=web,
            )
            transport = httpx.ASGITransport(create_app(services))
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                yield Rest(client, services, recorder, clock, events, refused, risks, skills, warnings)
    finally:
        reads.close()
        database.close()
