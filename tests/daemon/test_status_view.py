"""``sereno status`` as a person reads it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from support.reports import sensor_report, skill_report, status_report

from daemon.client import Client
from daemon.commands import console, status_view
from daemon.status_report import SensorReport, SkillReport, WarningReport

GOOD = skill_report("temperature", 3600, 812, 0.91, 0.33, 0.5)
POOR = skill_report("temperature", 3600, 88, 0.87, 0.58, 0.5)
EARLY = skill_report("temperature", 900, 815, 0.93, 0.2, 0.2)
FAR = skill_report("temperature", 2 * 86_400, 9, 0.9, 0.5, 0.5)
STILL = skill_report("humidity", 3600, 12, 1.0, 0.0, 0.0)


class Daemon:
    """Answers as one does that has these sensors."""

    url = "http://127.0.0.1:8000"

    def __init__(self, *sensors: SensorReport, warnings: Sequence[WarningReport] = ()) -> None:
        self._sensors = list(sensors)
        self._warnings = list(warnings)

    def get(self, path: str, **_: object) -> Any:
        return (
            status_report(self._sensors, self._warnings)
            if path == "/api/v1/status"
            else {"id": int(path.rpartition("/")[2])}
        )


def shown(
    capsys: pytest.CaptureFixture[str],
    *sensors: SensorReport,
    of: str | None = None,
    warnings: Sequence[WarningReport] = (),
) -> list[str]:
    """What is printed, line by line."""
    client = cast("Client", Daemon(*sensors, warnings=warnings))
    if of is None:
        status_view.show(client, as_json=False)
    else:
        status_view.show_sensor(client, of, as_json=False)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred columns."""
    monkeypatch.setattr(console.out, "_width", 100)  # COLUMNS is read once, at import


def test_one_sensor_s_forecasts_are_told_for_each_horizon(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, sensor_report(1, []), sensor_report(2, [EARLY, GOOD, POOR, STILL, FAR]), of="2")
    assert lines[-5:] == [
        "temperature 15 min  no better than no change, 93 % in the interval (of 815)",
        "temperature 1 h     34 % better than no change, 91 % in the interval (of 812)",
        "temperature 1 h     16 % worse than no change, 87 % in the interval (of 88)",
        "humidity 1 h        100 % in the interval (of 12)",
        "temperature 48 h    no better than no change, 90 % in the interval (of 9)",
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


def foreseen(sensor_id: int, told: datetime, hours: float) -> WarningReport:
    return WarningReport(
        sensor_id=sensor_id,
        quantity="temperature",
        probability=0.9,
        words=f"The temperature will probably rise above -15 °C in about {hours:g} h.",
        told_at=told.isoformat(),
        likely_at=(told + timedelta(hours=hours)).isoformat(),
    )


def test_limits_that_will_be_passed_are_told_with_their_likely_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = datetime(2025, 7, 20, 12, 5).astimezone()
    monkeypatch.setattr(console.out, "_width", 120)
    monkeypatch.setattr(status_view, "now", lambda: noon)
    soon, later = foreseen(1, noon, 0.75), foreseen(2, noon, 20)
    sensors = sensor_report(1, []), sensor_report(2, [])
    lines = shown(capsys, *sensors, warnings=[soon, later])
    at = next(number for number, line in enumerate(lines) if line.startswith("warning of"))
    assert [line.split() for line in lines[at : at + 3]] == [
        ["warning", "of", "likely", "at", "told", "at"],
        ["room", "1", "12:50", *soon["words"].split(), "12:05"],
        ["room", "2", "Mon", "08:05", *later["words"].split(), "12:05"],
    ]
    one = " ".join(shown(capsys, *sensors, of="2", warnings=[soon, later]))
    assert "Mon 08:05" in one
    assert "12:50" not in one
    assert not any("warning" in line for line in shown(capsys, *sensors))


@pytest.mark.parametrize("columns", [80, 120])
def test_names_stay_readable_and_nothing_is_cut_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setattr(console.out, "_width", columns)
    worst = sensor_report(130, [])
    worst.update(
        name="house_kitchen",
        temperature=-0.04,
        age_s=7000.0,
        state="silencioso",
        anomaly_model="warming_up",
        warm_up_h=12.0,
        forecast_model="ready",
        open_anomalies=2,
        failed_reads=123,
        invalid=31,
    )
    row = next(line for line in shown(capsys, worst, sensor_report(1, [])) if line.startswith("130")).split()
    assert row[:8] == ["130", "house_kitchen", "0.0", "48.0", "117", "min", "silent", "2"]
    assert row[8:10] == ["123", "31"]
    assert "12/24" in row
