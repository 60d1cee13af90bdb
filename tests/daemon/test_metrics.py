"""What Prometheus reads."""

from support.reports import sensor_report, skill_report, status_report

from daemon.metrics import metrics


async def test_forecasts_are_told_by_sensor_quantity_and_horizon() -> None:
    forecasts = [
        skill_report("temperature", 3600, 812, 0.91, 0.25, 0.5),
        skill_report("humidity", 900, 3, 1.0, 0.0, 0.0),
    ]
    report = status_report([sensor_report(1, forecasts), sensor_report(2, [])])
    told = [line for line in (await metrics(lambda: report)).decode().splitlines() if "forecast" in line]
    assert [line for line in told if not line.startswith("#")] == [
        'sereno_forecast_coverage_ratio{horizon="3600",quantity="temperature",sensor="house/room1"} 0.91',
        'sereno_forecast_coverage_ratio{horizon="900",quantity="humidity",sensor="house/room1"} 1.0',
        'sereno_forecast_skill{horizon="3600",quantity="temperature",sensor="house/room1"} 0.5',
    ], "nothing changed in humidity: there is nothing to be better than"
