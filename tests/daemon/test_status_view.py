"""``sereno status`` as a person reads it."""

from typing import Any, cast

import pytest
from support.reports import sensor_report, skill_report, status_report

from daemon.client import Client
from daemon.commands import status_view
from daemon.status_report import SensorReport, SkillReport

GOOD = skill_report("temperature", 3600, 812, 0.91, 0.33, 0.5)
POOR = skill_report("temperature", 3600, 88, 0.87, 0.58, 0.5)
EARLY = skill_report("temperature", 900, 815, 0.93, 0.2, 0.2)
STILL = skill_report("humidity", 3600, 12, 1.0, 0.0, 0.0)


class Daemon:
    """Answers as one does that has these sensors."""

    url = "http://127.0.0.1:8000"

    def __init__(self, *sensors: SensorReport) -> None:
        self._sensors = list(sensors)

    def get(self, path: str, **_: object) -> Any:
        return status_report(self._sensors) if path == "/api/v1/status" else {"id": int(path.rpartition("/")[2])}


def shown(capsys: pytest.CaptureFixture[str], *sensors: SensorReport, of: str | None = None) -> list[str]:
    """What is printed, line by line."""
    client = cast("Client", Daemon(*sensors))
    if of is None:
        status_view.show(client, as_json=False)
    else:
        status_view.show_sensor(client, of, as_json=False)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred columns."""
    monkeypatch.setenv("COLUMNS", "100")


def test_one_sensor_s_forecasts_are_told_for_each_horizon(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, sensor_report(1, []), sensor_report(2, [EARLY, GOOD, POOR, STILL]), of="2")
    assert lines[-4:] == [
        "temperature 15 min  no better than no change, 93 % in the interval (of 815)",
        "temperature 1 h     34 % better than no change, 91 % in the interval (of 812)",
        "temperature 1 h     16 % worse than no change, 87 % in the interval (of 88)",
        "humidity 1 h        100 % in the interval (of 12)",
    ]
    assert not any("room 1" in line for line in lines)


def test_a_sensor_whose_forecasts_nobody_can_judge_yet(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, sensor_report(1, []), of="1")[-1] == "forecasts  the moment of none has come yet"


@pytest.mark.parametrize(
    ("sensors", "line"),
    [
        ([[EARLY, GOOD]], "temperature 1 h: 34 % better than no change, 91 % in the interval (of 812)"),
        ([[GOOD], [POOR]], "temperature 1 h: 9 % better than no change, 89 % in the interval (of 900, 2 sensors)"),
        ([[EARLY]], "temperature 15 min: no better than no change, 93 % in the interval (of 815)"),
    ],
)
def test_all_sensors_forecasts_are_summed_up_an_hour_ahead(
    capsys: pytest.CaptureFixture[str], sensors: list[list[SkillReport]], line: str
) -> None:
    lines = shown(capsys, *(sensor_report(number, forecasts) for number, forecasts in enumerate(sensors)))
    assert f"forecasts {line}" in " ".join(" ".join(lines).split()), "a narrow terminal folds it"


def test_before_any_forecast_was_judged_nothing_is_said_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert not any("forecasts" in line for line in shown(capsys, sensor_report(1, [])))
