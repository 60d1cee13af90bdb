"""Foresees, after each round of forecasts, whether a sensor's limits will be crossed, and when. Runs on the loop."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from daemon.config import NamedLimit
from daemon.entities import Prediction, Sensor
from daemon.forewarning import Forewarnings, Subject
from daemon.scoring import Predicted
from daemon.sensor_models import MICROSECONDS, SCORED, Outlook
from daemon.sensors import Record
from ml.crossing import Crossing, Path, crossing, expected_path
from ml.features import BIN

FRESH = 20 * 60.0
"""s after which forecasts tell nothing of what is to come: they are made each quarter of an hour."""

_TWO_HOURS = 2 * 3600
_ABOUT = 5 * 60

_NAMES = {"temperature": ("La temperatura", "The temperature"), "humidity": ("La humedad", "The humidity")}
_UNITS = {"temperature": "°C", "humidity": "%"}


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound that a person set (°C, %); an ``upper`` one is crossed from below. ``name``: of one in the config."""

    value: float
    upper: bool
    name: str | None = None

    def broken(self, value: float) -> bool:
        return value > self.value if self.upper else value < self.value


class LimitWarnings:
    """``record(sensor_id)`` is what the directory knows of a sensor, None where it is gone; ``now`` in µs; ``named``:
    the limits of the configuration.
    """

    def __init__(
        self,
        warnings: Forewarnings,
        record: Callable[[int], Record | None],
        now: Callable[[], int],
        named: Sequence[NamedLimit] = (),
    ) -> None:
        self._warnings = warnings
        self._named = named
        self._record = record
        self._now = now

    def foreseen(self, outlooks: Sequence[Outlook]) -> None:
        """Look at the limits of these series, 0.1 ms each; those without limits cost nothing."""
        now = self._now() / MICROSECONDS
        for outlook in outlooks:
            record, age = self._record(outlook.sensor_id), max(0.0, now - outlook.made_at)
            if record is None or record.sensor.ignored or age > FRESH:
                continue
            limits = list(self._limits_of(record.sensor, outlook.quantity))
            if limits:
                path = expected_path(outlook.level, outlook.forecasts, outlook.day)
                for limit in limits:
                    self._look(outlook, path, limit, getattr(record.latest, outlook.quantity), age)

    def limit_of(self, row: Prediction, sensor: Sensor) -> Limit | None:
        """The limit of its sensor that a row warns of; None where it has no such limit (any more)."""
        told = row.comment_en or ""
        of_it = self._limits_of(sensor, row.quantity)
        return next((limit for limit in of_it if told.startswith(_words(row.quantity, limit)[1])), None)

    def _limits_of(self, sensor: Sensor, quantity: str) -> Iterator[Limit]:
        yield from _limits(sensor, quantity)
        for limit in self._named:
            if limit.quantity == quantity and limit.sensor in (*sensor.keys, sensor.name):
                if limit.below is not None:
                    yield Limit(limit.below, upper=False, name=limit.name)
                if limit.above is not None:
                    yield Limit(limit.above, upper=True, name=limit.name)

    def _look(self, outlook: Outlook, path: Path, limit: Limit, latest: float | None, age: float) -> None:
        """``age``: s since the forecasts were made; what is told counts from now."""
        subject = Subject(outlook.sensor_id, None, _words(outlook.quantity, limit)[1])
        ahead = crossing(path, limit.value, upper=limit.upper)
        # The mean of a quarter of an hour lags behind: the newest value may have crossed it since.
        if ahead is None or (latest is not None and limit.broken(latest)):
            self._warnings.came(subject)
            return
        ahead = ahead.surviving(age)
        horizon = self._horizon(path, ahead, age)
        likely, probability = ahead.likely(age + horizon), ahead.within(age + horizon)

        def make() -> Predicted:
            assert likely is not None  # noqa: S101 - what is told is more probable than that
            return _predicted(outlook, path, limit, (likely, probability, horizon), age)

        expected = None if likely is None else _moment(outlook, likely)
        self._warnings.look(subject, probability, make, expected)

    def _horizon(self, path: Path, ahead: Crossing, age: float) -> float:
        """The shortest horizon (s) within which it is probable enough, else the longest."""
        horizons = [bins * BIN for bins in path.horizons]
        return next((h for h in horizons if ahead.within(age + h) >= self._warnings.level), horizons[-1])


def has_limits(sensor: Sensor) -> bool:
    return any(next(_limits(sensor, quantity), None) is not None for quantity in SCORED)


def _limits(sensor: Sensor, quantity: str) -> Iterator[Limit]:
    low, high = getattr(sensor, f"{quantity}_min"), getattr(sensor, f"{quantity}_max")
    if low is not None:
        yield Limit(low, upper=False)
    if high is not None:
        yield Limit(high, upper=True)


def _predicted(outlook: Outlook, path: Path, limit: Limit, ahead: tuple[float, float, float], age: float) -> Predicted:
    """The row that announces a crossing: when it is likely, and what the series will be then. ``ahead``: that time (s
    from the outlook on), how probable it is, and within how long (s from now, which is ``age`` s later)."""
    likely, sure, horizon = ahead
    probability = round(min(0.99, sure), 2)  # nothing ahead is certain
    spanish, english = _words(outlook.quantity, limit)
    left = likely - age
    about = _span(max(_ABOUT, _ABOUT * round(left / _ABOUT)) if left < _TWO_HOURS else 3600 * round(left / 3600))
    share = f"{100 * probability:.0f} %"
    value, lower, upper = path.at(likely)
    # Where it is as likely as not beyond its limit, the path may still be short of it: what comes then is the limit.
    beyond = max if limit.upper else min
    value, lower, upper = beyond(value, limit.value), min(lower, limit.value), max(upper, limit.value)
    return Predicted(
        outlook.sensor_id,
        outlook.quantity,
        round(left),
        round(value, 2),
        round(lower, 2),
        round(upper, 2),
        _moment(outlook, likely),
        min(outlook.forecasts, key=lambda forecast: abs(forecast.horizon - likely)).model,
        probability=probability,
        comment=f"{spanish} en aproximadamente {about} ({share} en {_span(horizon)}).",
        comment_en=f"{english} in about {about} ({share} within {_span(horizon)}).",
    )


def _moment(outlook: Outlook, ahead: float) -> int:
    return round((outlook.made_at + ahead) * MICROSECONDS)


def _words(quantity: str, limit: Limit) -> tuple[str, str]:
    """(Spanish, English): what will happen, always in the same words."""
    spanish, english = _NAMES[quantity]
    amount = f"{limit.value:g} {_UNITS[quantity]}"
    coma = amount.replace(".", ",")
    spanish += f" probablemente {f'superará {coma}' if limit.upper else f'bajará de {coma}'}"
    english += f" will probably {'rise above' if limit.upper else 'fall below'} {amount}"
    return (spanish, english) if limit.name is None else (f"{limit.name}: {spanish}", f"{limit.name}: {english}")


def _span(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    if not minutes:
        return f"{hours} h"
    return f"{hours} h {minutes} min" if seconds > _TWO_HOURS else f"{seconds / 60:.0f} min"
