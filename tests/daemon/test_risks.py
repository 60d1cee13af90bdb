"""Risks of a place from stored readings and forecasts, with a real database, told once and kept over a restart."""

import math
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert

from daemon import tables
from daemon.database import Database
from daemon.derived import PlaceRisk
from daemon.entities import Location, Prediction, Sensor
from daemon.forewarning import FORGOTTEN_AFTER, Forewarnings
from daemon.repository import locations, predictions, sensors
from daemon.repository.reads import Reads
from daemon.risks import Risks, Settings
from daemon.schema import open_database
from daemon.scoring import Predicted
from daemon.sensor_models import Outlook
from ml.base import Forecast
from ml.risks import Risk

HOUR = 3600
SECOND = 1_000_000
END = 480_000 * HOUR  # s since 1970, at 00:00 UTC
HORIZONS = (900.0, 3600.0, 21_600.0, 86_400.0)

Climate = Callable[[float], tuple[float, float]]
"""°C and % at a time (s)."""


@dataclass
class House:
    """A database with readings each half hour, forecasts by hand, and what was told."""

    folder: Path
    database: Database
    reads: Reads
    now: float = END
    known: dict[int, Sensor] = field(default_factory=dict)
    told: list[Predicted] = field(default_factory=list)
    rows: int = 0

    def __post_init__(self) -> None:
        with self.database.writer.begin() as conn:
            conn.execute(insert(tables.source).values(id=1, name="mqtt"))
        self.risks = self.made()

    def made(self, outside: str | None = None, watch: frozenset[Risk] = frozenset(Risk)) -> Risks:
        """As after a start."""
        return Risks(
            Settings(watch, outside, self.folder / "risks.json"),
            sensors=self,
            reads=self.reads,
            unfolded=None,
            warnings=Forewarnings(self.told.extend, self.micros, 0.8, remembered=FORGOTTEN_AFTER),
            now=self.micros,
            clock_set=lambda: True,
        )

    async def restart(self, outside: str | None = None) -> None:
        """What was told reached the database before."""
        with self.database.writer.begin() as conn:
            stored = {row.predicted_at for row in predictions.warnings(conn, 0)}
            for number, row in enumerate(self.told, 1):
                if row.probability is not None and row.predicted_at not in stored:
                    made = {**asdict(row), "id": number, "created_at": self.micros(), "updated_at": self.micros()}
                    predictions.add(conn, Prediction(**made))
        self.risks = self.made(outside)
        await self.risks.load()

    def micros(self) -> int:
        return round(self.now * SECOND)

    def all(self) -> list[Sensor]:
        return list(self.known.values())

    def sensor(self, number: int, **fields: str) -> None:
        made = Sensor(number, f"mqtt/{number}", "t", "m", 0, 0, **fields)  # type: ignore[arg-type]
        with self.database.writer.begin() as conn:
            sensors.add(conn, made)
        self.known[number] = made

    def past(self, number: int, climate: Climate, hours: float, until: float | None = None) -> None:
        end = self.now if until is None else until
        rows = []
        for time in np.arange(end - hours * HOUR, end, HOUR / 2).tolist():
            self.rows += 1
            temperature, humidity = climate(time)
            base = {"id": self.rows, "sensor_id": number, "time": round(time * SECOND), "sequence": -1, "source": 1}
            celsius, percent = (None if math.isnan(value) else value for value in (temperature, humidity))
            rows.append(
                {**base, "temperature": celsius, "humidity": percent, "quality": 0}
                | {"received_at": round(time * SECOND), "clock_set": 1}
            )
        with self.database.writer.begin() as conn:
            conn.execute(insert(tables.reading), rows)
        self.known[number] = replace(self.known[number], last_reading_at=round(end * SECOND))

    def expects(self, number: int, climate: Climate, width: float = 0.5) -> None:
        for index, quantity in enumerate(("temperature", "humidity")):
            day = np.array([climate(self.now - 900 * age)[index] for age in range(96, 0, -1)])
            if np.isnan(day).any():
                continue
            ahead = [(h, climate(self.now + h)[index]) for h in HORIZONS]
            forecasts = [Forecast(quantity, self.now, h, v, v - width, v + width, "mix") for h, v in ahead]
            self.risks.foreseen([Outlook(number, quantity, self.now, float(day[-1]), day, forecasts)])

    async def look(self) -> dict[str, PlaceRisk]:
        """Of sensor 1, by name."""
        await self.risks.look()
        return {found.risk: found for found in self.risks.of(1)}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    database, _ = open_database("sqlite:///test.db", tmp_path)
    reads = Reads(database.readers)
    made = House(tmp_path, database, reads)
    made.sensor(1, name="Invernadero")
    yield made
    reads.close()
    database.close()


def always(temperature: float, humidity: float) -> Climate:
    return lambda _: (temperature, humidity)


def night(mean: float, size: float) -> Climate:
    """Coldest at 06:00 UTC."""
    return lambda time: (mean - size * math.cos((time / HOUR - 6) / 24 * 2 * math.pi), 60.0)


async def test_a_room_is_at_no_risk_and_nothing_is_told(house: House) -> None:
    house.past(1, always(20, 50), 7 * 24)
    house.expects(1, always(20, 50))
    found = await house.look()
    assert {name: risk.level for name, risk in found.items()} == dict.fromkeys(Risk, "none")
    assert house.told == []
    assert found["frost"].probability == 0.05
    assert found["mould"].index == found["drought"].index == 0
    assert found["mould"].probability is found["drought"].probability is None


async def test_a_frosty_night_is_told_once_and_again_after_it_was_over(house: House) -> None:
    cold = night(4, 6)
    house.past(1, cold, 7 * 24)
    house.expects(1, cold)
    found = await house.look()
    assert found["frost"].level == "high"
    [row] = house.told
    assert (row.sensor_id, row.quantity, row.model, row.probability) == (1, "temperature", "helada", 0.95)
    assert row.comment is not None
    assert row.comment.startswith("Helada en Invernadero: un 95 % o más de que el aire del sensor llegue a 0 °C")
    assert row.comment_en is not None
    assert row.comment_en.startswith("Frost at Invernadero: 95 % or more that the air at the sensor falls to 0 °C")
    assert row.predicted_at == (END + row.horizon_s) * SECOND
    assert row.lower < row.value < row.upper
    assert 2 * HOUR < row.horizon_s < 7 * HOUR
    await house.restart()
    house.expects(1, cold)
    await house.risks.look()
    assert len(house.told) == 1, "a restart does not tell it again"
    for _ in range(4 * 24):
        house.now += 900
        house.past(1, cold, 0.25)
        house.expects(1, cold)
        await house.risks.look()
    assert [told.model for told in house.told] == ["helada"] * 2, "the next night is another"


async def test_frost_that_nobody_foresaw_is_told_when_it_is_there(house: House) -> None:
    house.past(1, night(4, 3), 7 * 24)
    house.expects(1, always(-1, 60))
    found = await house.look()
    assert found["frost"].probability == 1
    assert [row.model for row in house.told] == ["helada"]
    assert "está a 0 °C o menos" in (house.told[0].comment or "")


async def test_a_frost_that_goes_on_is_not_told_at_each_restart(house: House) -> None:
    house.past(1, night(4, 3), 7 * 24)
    for _ in range(3):
        house.expects(1, always(-1, 60))
        await house.risks.look()
        await house.restart()
        house.now += 5 * HOUR
        house.past(1, always(-1, 60), 5)
    assert [row.model for row in house.told] == ["helada"]


async def test_a_place_s_risk_names_the_place(house: House) -> None:
    with house.database.writer.begin() as conn:
        for number, description in ((5, "Cobertizo"), (6, "Huerto")):
            locations.add(conn, Location(number, 1, 40.0, -3.0, number, number, description))
    house.past(1, night(4, 6), 48)
    house.expects(1, night(4, 6))
    found = await house.look()
    assert found["frost"].location_id == 6
    assert found["frost"].comment.startswith("Helada en Huerto:")
    assert house.told[0].location_id == 6


async def test_mould_grows_in_stored_readings_and_goes_on_after_a_restart(house: House) -> None:
    damp = always(20, 76)  # 92 % at a surface 3 K colder
    house.past(1, damp, 28 * 24)
    house.expects(1, damp)
    before = (await house.look())["mould"]
    assert before.index is not None
    assert 1 <= before.index < 3
    assert [row.model for row in house.told if row.probability is None] == ["moho"]
    house.now += 10 * 24 * HOUR
    house.past(1, damp, 10 * 24)
    await house.restart()
    house.expects(1, damp)
    after = (await house.look())["mould"]
    assert after.index is not None
    assert after.index > before.index, "months count, not four weeks"
    assert len([row for row in house.told if row.model == "moho"]) == 1 + (after.level == "high")


async def test_a_past_that_is_imported_later_counts(house: House) -> None:
    damp = always(20, 80)  # 97 % at a surface 3 K colder
    house.past(1, damp, 24)
    house.expects(1, damp)
    first = (await house.look())["mould"]
    house.past(1, damp, 20 * 24, until=END - 24 * HOUR)
    house.now += HOUR
    house.past(1, damp, 1)
    second = (await house.look())["mould"]
    assert first.index is not None
    assert second.index is not None
    assert second.index >= first.index + 0.8


async def test_a_damaged_file_is_no_fault(house: House) -> None:
    (house.folder / "risks.json").write_text("{")
    await house.restart()
    house.past(1, always(20, 76), 28 * 24)
    assert (await house.look())["mould"].level == "medium"


async def test_a_known_outside_temperature_decides_about_walls(house: House) -> None:
    house.sensor(2, name="Norte")
    for number, climate in ((1, always(20, 65)), (2, always(-8, 80))):
        house.past(number, climate, 7 * 24)
        house.expects(number, climate)
    assert (await house.look())["condensation"].level == "none"
    await house.restart(outside="Norte")
    for number, climate in ((1, always(20, 65)), (2, always(-8, 80))):
        house.expects(number, climate)
    found = await house.look()
    assert found["condensation"].level == "high"
    assert "de unos 12 °C" in found["condensation"].comment
    assert {risk.risk for risk in house.risks.of(2)} == {"drought"}, "no wall outdoors, and a week of frost is no news"


async def test_drought_stress_is_told_as_an_index(house: House) -> None:
    dry = always(32, 25)
    house.past(1, dry, 7 * 24)
    house.expects(1, dry)
    found = (await house.look())["drought"]
    assert (found.index, found.probability, found.level, found.horizon_s) == (1.0, None, "high", 86_400)
    [row] = house.told
    assert row.probability is None
    assert row.comment == (
        "Estrés hídrico grave en Invernadero: índice 1,0 de 1 para plantas (no es una probabilidad); en el último día "
        "el déficit de presión de vapor superó 1,2 kPa durante 24 h."
    )
    await house.restart()
    house.expects(1, dry)
    await house.look()
    assert len(house.told) == 1, "a restart does not tell it again"


async def test_a_silent_or_ignored_sensor_has_no_risks(house: House) -> None:
    house.past(1, always(20, 50), 48)
    house.expects(1, always(20, 50))
    assert await house.look()
    house.now += 3 * HOUR
    assert await house.look() == {}
    house.past(1, always(20, 50), 3)
    house.known[1] = replace(house.known[1], ignored=True)
    assert await house.look() == {}


async def test_without_forecasts_what_is_measured_is_assessed_and_nothing_told(house: House) -> None:
    house.past(1, always(32, 25), 7 * 24)
    assert set(await house.look()) == {"mould", "drought"}
    assert house.told == []


async def test_a_thermometer_alone_warns_of_frost_alone(house: House) -> None:
    house.past(1, lambda _: (2.0, math.nan), 48)
    house.expects(1, lambda _: (2.0, math.nan))
    assert set(await house.look()) == {"frost"}


async def test_a_hygrometer_alone_tells_no_risk(house: House) -> None:
    house.past(1, lambda _: (math.nan, 90.0), 48)
    house.expects(1, lambda _: (math.nan, 90.0))
    assert await house.look() == {}


async def test_a_dry_room_without_a_past_grows_no_mould(house: House) -> None:
    house.past(1, always(20, 40), 0.5)
    assert "ahora no crece" in (await house.look())["mould"].comment


async def test_mould_that_is_no_longer_watched_is_not_told(house: House) -> None:
    house.past(1, always(20, 76), 48)
    assert "mould" in await house.look()
    house.risks = house.made(watch=frozenset({Risk.DROUGHT}))
    await house.risks.load()
    assert set(await house.look()) == {"drought"}
