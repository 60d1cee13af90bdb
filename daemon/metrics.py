"""The report in the words of Prometheus: made when it is asked for, so that counting costs the hot path nothing."""

import asyncio
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from daemon.status_report import ClientsReport, DatabaseReport, DriverReport, ModelsReport, SensorReport, StatusReport


class Metrics(Collector):
    """Of one report. Names and units follow Prometheus' own conventions."""

    def __init__(self, report: StatusReport) -> None:
        self._report = report

    def collect(self) -> Iterable[Metric]:
        report = self._report
        yield _gauge("sereno_up", "1 while the daemon is well, 0.5 degraded, 0 failed", _WELL[report["health"]])
        yield _gauge("sereno_uptime_seconds", "Seconds since the start", report["uptime_s"])
        yield _gauge("sereno_clock_set", "1 once the wall clock is known to be right", float(report["clock_set"]))
        if report["memory_bytes"] is not None:
            yield _gauge("sereno_resident_memory_bytes", "Resident memory of the daemon", report["memory_bytes"])
        yield from _drivers(report["drivers"])
        yield from _sensors(report["sensors"])
        yield from _forecasts(report["sensors"])
        yield _counter(
            "sereno_sensors_refused", "Messages of devices that were not admitted", report["sensors_refused"]
        )
        yield from _database(report["database"])
        if (broker := report["broker"]) is not None:
            yield _gauge("sereno_broker_up", "1 while the embedded broker runs", float(broker["state"] == "up"))
            yield _counter("sereno_broker_restarts", "Times the embedded broker was started again", broker["restarts"])
        yield from _models(report["models"])
        yield from _clients(report["clients"])
        refused = CounterMetricFamily("sereno_refused", "Input refused, by door and reason", labels=["what"])
        for what, count in report["refused"].items():
            refused.add_metric([what], count)
        yield refused
        lost = CounterMetricFamily("sereno_lost", "The daemon's own events and writes, given up", labels=["what"])
        for what, count in report["lost"].items():
            lost.add_metric([what], count)
        yield lost


async def metrics(report: Callable[[], StatusReport]) -> bytes:
    """What ``GET /metrics`` answers: of a thousand sensors that are 20,000 lines, which the loop does not wait for."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Metrics(report()))
    return await asyncio.to_thread(generate_latest, registry)


_WELL = {"ok": 1.0, "degraded": 0.5, "failed": 0.0}


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _drivers(drivers: list[DriverReport]) -> Iterable[Metric]:
    up = GaugeMetricFamily("sereno_driver_up", "1 while the driver is connected", labels=["driver", "type"])
    received = CounterMetricFamily("sereno_driver_received", "Messages, lines or rows", labels=["driver"])
    readings = CounterMetricFamily("sereno_driver_readings", "Rows made of them", labels=["driver"])
    failed = CounterMetricFamily("sereno_driver_failed_reads", "Readings a device could not take", labels=["driver"])
    events = CounterMetricFamily("sereno_driver_events", "What else was seen or refused", labels=["driver", "what"])
    for driver in drivers:
        name = driver["name"]
        up.add_metric([name, driver["type"]], float(driver["state"] == "up"))
        received.add_metric([name], driver["received"])
        readings.add_metric([name], driver["readings"])
        failed.add_metric([name], driver["failed_reads"])
        for what, count in driver["counters"].items():
            events.add_metric([name, what], count)
    yield from (up, received, readings, failed, events)


def _sensors(sensors: list[SensorReport]) -> Iterable[Metric]:
    value = GaugeMetricFamily("sereno_sensor_value", "Newest value: °C, %", labels=["sensor", "quantity"])
    age = GaugeMetricFamily("sereno_sensor_age_seconds", "Age of the newest reading", labels=["sensor"])
    failed = CounterMetricFamily("sereno_sensor_failed_reads", "Readings it could not take", labels=["sensor"])
    invalid = CounterMetricFamily("sereno_sensor_invalid_readings", "Readings marked impossible", labels=["sensor"])
    for sensor in sensors:
        key = sensor["key"]
        for quantity, newest in (("temperature", sensor["temperature"]), ("humidity", sensor["humidity"])):
            if newest is not None:
                value.add_metric([key, quantity], newest)
        if sensor["age_s"] is not None:
            age.add_metric([key], sensor["age_s"])
        failed.add_metric([key], sensor["failed_reads"])
        invalid.add_metric([key], sensor["invalid"])
    yield from (value, age, failed, invalid)


def _forecasts(sensors: list[SensorReport]) -> Iterable[Metric]:
    """The horizon in seconds. Where nothing ever changed there is no skill."""
    labels = ["sensor", "quantity", "horizon"]
    coverage = GaugeMetricFamily(
        "sereno_forecast_coverage_ratio", "Share of what came inside the 90 % interval, over two weeks", labels=labels
    )
    skill = GaugeMetricFamily(
        "sereno_forecast_skill", "1 - error / that of no change, over two weeks: 0 is no better", labels=labels
    )
    for sensor in sensors:
        for forecast in sensor["forecasts"]:
            of = [sensor["key"], forecast["quantity"], str(forecast["horizon_s"])]
            coverage.add_metric(of, forecast["coverage"])
            if forecast["skill"] is not None:
                skill.add_metric(of, forecast["skill"])
    yield from (coverage, skill)


def _database(database: DatabaseReport) -> Iterable[Metric]:
    yield _gauge("sereno_database_up", "1 while the database takes rows", float(database["state"] == "up"))
    yield _gauge("sereno_database_queued_rows", "Rows that wait for the writer", database["queued"])
    yield _gauge("sereno_database_unsynced_rows", "Committed rows not yet on the disk", database["unsynced"])
    rows = CounterMetricFamily("sereno_rows", "What became of readings", labels=["result"])
    for result in ("stored", "duplicates", "completed", "conflicts", "refused"):
        rows.add_metric([result], database[result])
    yield rows
    yield _counter("sereno_commits", "Transactions", database["commits"])
    yield _counter("sereno_database_syncs", "Syncs of the write-ahead log", database["syncs"])
    yield _counter("sereno_database_folded_rows", "Rows moved into the clustered table", database["folded"])
    yield _counter("sereno_database_checkpoints", "Checkpoints forced by a long log", database["checkpoints"])


def _models(models: ModelsReport) -> Iterable[Metric]:
    yield _gauge("sereno_models_ready", "Sensors whose anomaly model is ready", models["ready"])
    readiness = GaugeMetricFamily("sereno_sensors", "Sensors by what their anomaly model is", labels=["readiness"])
    for word, count in (("ready", models["ready"]), ("warming_up", models["learning"])):
        readiness.add_metric([word], count if models["anomaly_enabled"] else 0)
    yield readiness
    yield _gauge("sereno_scoring_lag_seconds", "How long the oldest row has waited for its score", models["lag_s"])
    waits = HistogramMetricFamily("sereno_score_wait_seconds", "From a row's commit to its score")
    waits.add_metric([], list(models["waits"].items()), sum_value=models["waits_s"])
    yield waits
    yield _gauge("sereno_anomalies_open", "Open episodes", models["anomalies_open"])
    yield _counter("sereno_scores", "Values judged by the anomaly model", models["scored"])
    yield _counter("sereno_scores_skipped", "Rows that were not judged", models["skipped"])
    yield _counter("sereno_fits", "Models fitted", models["fits"])
    yield _counter("sereno_fits_failed", "Fits that failed", models["failed_fits"])
    yield _counter("sereno_predictions", "Forecasts made", models["predictions"])


def _clients(clients: ClientsReport) -> Iterable[Metric]:
    yield _gauge("sereno_websocket_clients", "Connected clients", clients["connected"])
    yield _counter("sereno_websocket_events_sent", "Events written to clients", clients["sent"])
    yield _counter("sereno_websocket_events_dropped", "Events lost to slow clients", clients["dropped"])
    yield _counter("sereno_websocket_clients_dropped", "Clients closed for being slow", clients["closed_slow"])
    yield _counter("sereno_websocket_refused", "Connections refused", clients["refused"])
