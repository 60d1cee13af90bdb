"""A name in the configuration that no sensor has is told at start: else nobody knows that nothing is watched."""

from collections.abc import Sequence

import pytest

from daemon.config import Config, Forecast, NamedLimit, Risks
from daemon.entities import Sensor
from daemon.named_sensors import NamedSensors

FREEZER = Sensor(1, "mqtt/a/b", "t", "m", 0, 0, name="freezer", other_keys=("mqtt/old",))


def limit(sensor: str) -> NamedLimit:
    return NamedLimit(name=f"of {sensor}", sensor=sensor, quantity="temperature", above=-12)


def told(caplog: pytest.LogCaptureFixture, config: Config, sensors: Sequence[Sensor] = (FREEZER,)) -> list[str]:
    caplog.clear()
    NamedSensors(config).tell_unknown(sensors)
    assert all(record.levelname == "WARNING" for record in caplog.records)
    return caplog.messages


def test_each_misspelt_name_is_told_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    limits = [limit(sensor) for sensor in ("freezer", "freezr", "mqtt/a/b", "mqtt/old", "Freezer")]
    found = told(caplog, Config(forecast=Forecast(limits=limits), risks=Risks(outside="nort")))
    assert [line.partition("; ")[0] for line in found] == [
        'risks.outside: no sensor has the key or name "nort"',
        'forecast.limits[1].sensor: no sensor has the key or name "freezr"',
        'forecast.limits[4].sensor: no sensor has the key or name "Freezer"',
    ]
    assert found[0].endswith("; no temperature outdoors is watched until one has; `sereno sensors` lists the names")
    assert found[1].endswith("; nothing is watched for this limit until one has; `sereno sensors` lists the names")


def test_names_that_sensors_have_are_not_spoken_of(caplog: pytest.LogCaptureFixture) -> None:
    assert told(caplog, Config()) == []
    assert told(caplog, Config(forecast=Forecast(limits=[limit("freezer")]), risks=Risks(outside="mqtt/old"))) == []


def test_before_any_sensor_is_known_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    names = NamedSensors(Config(risks=Risks(outside="north")))
    names.tell_unknown([])
    assert caplog.messages == []
    names.tell_unknown([FREEZER])
    assert len(caplog.messages) == 1, "an hour later a sensor is known, and it is another one"
    names.tell_unknown([FREEZER])
    assert len(caplog.messages) == 1, "it is told once"
