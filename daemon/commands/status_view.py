"""``sereno status``: the report of a running daemon as a person reads it, trouble first."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import cast

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from daemon.client import Client, ClientError
from daemon.commands.console import (
    LEAST_NAME,
    now,
    number,
    out,
    plain,
    print_json,
    print_line,
    rows_table,
    say,
    seconds_between,
    size,
    span,
    table,
)
from daemon.commands.english import STATES
from daemon.commands.listing import find_sensor
from daemon.status_report import BrokerReport, DriverReport, SensorReport, SkillReport, StatusReport, WarningReport

SHOWN_SENSORS = 40
"""Rows of sensors on one screen; those in trouble come first, the rest is counted."""

HOUR = 3600

NARROW = 110
"""Columns of a terminal below which words are left out, so that names stay readable."""

WIDE = 130
"""Columns of a terminal that has room for keys and further quantities."""

_ORDINARY = {"reading", "error", "availability", "discovery", "noise", "retained"}
"""Counters of a driver that tell no loss: what its messages turned out to be. Failed reads have a column."""

_GOOD = {"ok", "up", "finished", "activo", "ready"}
_WORSE = {"degraded", "waiting", "starting", "silencioso", "warming_up"}


def fetch(client: Client) -> StatusReport:
    """The report of the daemon; raises ClientError."""
    return cast("StatusReport", client.get("/api/v1/status"))


def show(client: Client, *, as_json: bool) -> None:
    """Print it once."""
    report = fetch(client)
    if as_json:
        print_json(report)
    else:
        out.print(render(report, client.url))


def show_sensor(client: Client, wanted: str, *, as_json: bool) -> None:
    """One sensor's part of it, with how good its forecasts have been; ``wanted`` is its id, key or name."""
    sensor_id = find_sensor(client, wanted)["id"]
    report = fetch(client)
    sensor = next(sensor for sensor in report["sensors"] if sensor["id"] == sensor_id)
    warnings = [warning for warning in report["warnings"] if warning["sensor_id"] == sensor_id]
    if as_json:
        print_json({**sensor, "warnings": warnings})
    else:
        out.print(render_sensor(sensor, warnings))


def show_samples(client: Client) -> None:
    """One JSON object a line, as ``sereno decode --jsonl`` takes it."""
    samples = [sample for driver in fetch(client)["drivers"] for sample in driver["samples"]]
    for sample in samples:
        print_line(sample)
    if not samples:
        say("nothing came so far that no format understood")


def watch(client: Client, *, interval: float = 2.0) -> None:
    """Show it again every ``interval`` seconds until Ctrl-C; a daemon that is restarted is waited for."""
    with Live(console=out, auto_refresh=False, screen=out.is_terminal) as live:
        while True:
            try:
                view: RenderableType = render(fetch(client), client.url)
            except ClientError as error:
                view = Text(f"{error}\nwaiting for it …", style="red")
            live.update(view, refresh=True)
            time.sleep(interval)


def render(report: StatusReport, url: str) -> RenderableType:
    """The whole view."""
    parts: list[RenderableType] = [_head(report, url)]
    parts += [plain(f"  ! {reason}", "yellow") for reason in report["reasons"]]
    parts += [Text(), _drivers(report), Text(), _sensors(report["sensors"], report)]
    if report["sensors"] or report["drivers"]:
        since = f"since the start, {span(report['uptime_s'])} ago"
        parts.append(Text(f"readings, failed and invalid ones are counted {since}", style="dim"))
    if report["warnings"]:
        parts += [Text(), _warnings(report["warnings"], report["sensors"])]
    parts += [Text(), _machinery(report)]
    return Group(*parts)


def render_sensor(sensor: SensorReport, warnings: Sequence[WarningReport]) -> RenderableType:
    """One sensor's row, and what is behind it."""
    row: RenderableType = rows_table([_sensor_row(sensor)])
    if warnings:
        row = Group(row, Text(), _warnings(warnings, [sensor]))
    if sensor["forecast_model"] == "off":
        return row
    grid = _grid()
    for forecast in sensor["forecasts"]:
        grid.add_row(_foretold(forecast), _how_good([forecast]))
    if not sensor["forecasts"]:
        grid.add_row("forecasts", Text("the moment of none has come yet", style="dim"))
    return Group(row, Text(), grid)


def _warnings(warnings: Iterable[WarningReport], sensors: Iterable[SensorReport]) -> Table:
    """Limits that will be passed: when, what was told, and when that was."""
    names = {sensor["id"]: sensor["name"] or sensor["key"] for sensor in sensors}
    made = table("warning of", "!likely at", "", "!told at")
    made.columns[0].min_width = LEAST_NAME
    for warning in warnings:
        made.add_row(
            plain(names.get(warning["sensor_id"], warning["sensor_id"])),
            _clock(warning["likely_at"]),
            plain(warning["words"], "yellow"),
            _clock(warning["told_at"]),
        )
    return made


def _clock(moment: str) -> str:
    """``14:05`` in this machine's zone, ``Wed 14:05`` where that is another day."""
    at = datetime.fromisoformat(moment).astimezone()
    return at.strftime("%H:%M" if at.date() == now().astimezone().date() else "%a %H:%M")


def _foretold(forecast: SkillReport) -> str:
    """``temperature 1 h``."""
    seconds = forecast["horizon_s"]
    return f"{forecast['quantity']} " + (f"{seconds // HOUR} h" if seconds % HOUR == 0 else f"{seconds // 60} min")


def _how_good(forecasts: Sequence[SkillReport]) -> str:
    """Of one quantity and horizon: one sensor's, or those of several taken together."""
    of = f"of {sum(forecast['judged'] for forecast in forecasts)}"
    if len(forecasts) > 1:
        of += f", {len(forecasts)} sensors"
    coverage = sum(forecast["coverage"] for forecast in forecasts) / len(forecasts)
    error, naive = (sum(forecast[key] for forecast in forecasts) for key in ("error", "naive"))
    told = [_better(1 - error / naive)] if naive else []
    return ", ".join([*told, f"{100 * coverage:.0f} % in the interval ({of})"])


def _better(skill: float) -> str:
    share = round(100 * skill)
    if not share:
        return "no better than no change"
    return f"{abs(share)} % {'better' if share > 0 else 'worse'} than no change"


def _head(report: StatusReport, url: str) -> Text:
    head = Text(f"sereno {report['version']} ", style="bold")
    head.append_text(_word(report["health"]))
    head.append(f"  up {span(report['uptime_s'])}  {url}  {report['mode']}", style="dim")
    if report["demo"]:
        head.append("  demo (emulated devices)", style="magenta")
    if not report["clock_set"]:
        head.append("  the clock is not set yet", style="yellow")
    return head


def _drivers(report: StatusReport) -> RenderableType:
    if not report["drivers"]:
        return Text("no drivers are configured; see drivers: in config.yaml", style="yellow")
    made = table("driver", "type", "state", ">for", ">readings", ">per min", ">failed")
    remarks = _grid()
    for driver in report["drivers"]:
        for remark in _remarks(driver):
            remarks.add_row(plain(f"  {driver['name']}"), remark)
    for driver in report["drivers"]:
        made.add_row(
            plain(driver["name"]),
            driver["type"],
            _word(driver["state"]),
            span(seconds_between(driver["since"], report["now"])),
            str(driver["readings"]),
            number(driver["rate_per_minute"]),
            _trouble(driver["failed_reads"]),
        )
    return Group(made, remarks) if remarks.row_count else made


def _grid() -> Table:
    """Names on the left, what there is to say of them folded beside them."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _remarks(driver: DriverReport) -> Iterable[Text]:
    """What is behind a driver's line: why it is not up, what it refused or lost, what it found at the other end."""
    if driver["reason"] and driver["state"] != "finished":
        yield plain(driver["reason"], "yellow")
    lost = {reason: count for reason, count in driver["counters"].items() if reason not in _ORDINARY}
    if any(lost.values()):
        yield _counters(lost)
    if driver["samples"]:
        newest = driver["samples"][0]
        told = f"not understood: {newest['id'].removeprefix(driver['name'] + ': ')}: {newest['reason']}"
        yield plain(f"{told} (sereno status --samples shows what came)", "yellow")
    details = [_detail(word, value) for word, value in driver["details"].items() if value is not False]
    if details:
        yield plain(", ".join(details), "dim")


def _detail(word: str, value: str | int | bool) -> str:
    """``session present``, ``port /dev/ttyUSB0``."""
    words = word.replace("_", " ")
    return words if value is True else f"{words} {value}"


def _sensors(sensors: Iterable[SensorReport], report: StatusReport) -> RenderableType:
    ordered = sorted(sensors, key=lambda sensor: (-_weight(sensor), sensor["id"]))
    if not ordered:
        return Text("no sensor has been heard of yet", style="dim")
    made = rows_table([_sensor_row(sensor) for sensor in ordered[:SHOWN_SENSORS]])
    rest = report["sensors_total"] - min(len(ordered), SHOWN_SENSORS)
    return Group(made, Text(f"… and {rest} more: sereno sensors", style="dim")) if rest > 0 else made


def _weight(sensor: SensorReport) -> int:
    """How much it wants to be looked at."""
    return (
        4 * (sensor["state"] == "silencioso") + 2 * (sensor["open_anomalies"] > 0) + (sensor["quality"] == "invalida")
    )


def _sensor_row(sensor: SensorReport) -> dict[str, str | Text]:
    """As many columns as there is room for: where there is little, those that tell of no trouble are left out."""
    narrow, wide = out.width < NARROW, out.width >= WIDE
    row: dict[str, str | Text] = {
        ">id": str(sensor["id"]),
        "sensor": plain(sensor["name"] or sensor["key"]),
        ">°C": number(sensor["temperature"]),
        ">%": number(sensor["humidity"]),
        ">age": _age(sensor),
        "!state": Text("ignored", style="dim") if sensor["ignored"] else _word(sensor["state"]),
        ">odd" if narrow else ">anomalies": Text(str(sensor["open_anomalies"] or ""), style="red"),
        ">failed": _trouble(sensor["failed_reads"]) if sensor["failed_reads"] or not narrow else "",
        ">inv." if narrow else ">invalid": _trouble(sensor["invalid"]) if sensor["invalid"] else "",
        "models" if narrow else "!models": _models(sensor, narrow=narrow),
    }
    return row | {"key": plain(sensor["key"], "dim"), "others": _others(sensor)} if wide else row


def _age(sensor: SensorReport) -> Text:
    late = sensor["silent_after_s"] is not None and (sensor["age_s"] or 0) > sensor["silent_after_s"]
    return Text(span(sensor["age_s"]), style="yellow" if late else "")


def _others(sensor: SensorReport) -> Text:
    return plain(" ".join(f"{quantity} {value:g}" for quantity, value in sensor["others"].items()), "dim")


def _models(sensor: SensorReport, *, narrow: bool) -> Text:
    """Of anomalies and, where that is at another point, of forecasts; ``narrow``: warming up in fewer letters."""
    anomaly, forecast = sensor["anomaly_model"], sensor["forecast_model"]
    text = _word(anomaly)
    if anomaly == "warming_up" and sensor["warm_up_h"] is not None:
        hours = f"{sensor['warm_up_h']:.0f}/{sensor['warm_up_of_h']:.0f} h"
        text = Text(hours, style="yellow") if narrow else text.append(f" {hours}")
    if anomaly == forecast:
        return text
    if narrow:
        return Text.assemble(text, ", ", ("learning", "yellow") if forecast == "warming_up" else _word(forecast))
    return Text.assemble(text, "/", _word(forecast))


def _machinery(report: StatusReport) -> Table:
    grid = _grid()
    grid.add_row("database", _database(report))
    grid.add_row("broker", _broker(report["broker"]))
    grid.add_row("models", _scoring(report))
    if told := list(_all_forecasts(report["sensors"])):
        grid.add_row("forecasts", Text("\n".join(told)))
    grid.add_row("clients", _clients(report))
    refused = {door: count for door, count in report["refused"].items() if count}
    if refused:
        grid.add_row("refused", _counters(refused))
    if report["sensors_refused"] or report["kept_out"]:
        grid.add_row("kept out", _kept_out(report))
    if report["memory_bytes"] is not None:
        grid.add_row("memory", size(report["memory_bytes"]))
    return grid


def _database(report: StatusReport) -> Text:
    database = report["database"]
    text = Text.assemble(_word(database["state"]), "  ", plain(database["url"].removeprefix("sqlite:///")))
    text.append(f"  {size(database['size_bytes'])}", style="dim")
    text.append(
        f"\n{database['stored']} stored, {database['duplicates']} duplicates, {database['conflicts']} conflicts"
    )
    text.append(f"  {database['queued']} queued, {database['unsynced']} not yet synced", style="dim")
    if database["free_bytes"] is not None:
        text.append(f"  {size(database['free_bytes'])} free", style="dim")
    if database["reason"]:
        text.append_text(plain(f"  {database['reason']}", "yellow"))
    return text


def _broker(broker: BrokerReport | None) -> Text:
    if broker is None:
        return Text("not embedded", style="dim")
    text = Text.assemble(_word(broker["state"]), f"  {broker['engine']}  ", plain(broker["address"]))
    if broker["restarts"]:
        text.append(f"  {broker['restarts']} restarts", style="yellow")
    for remark in filter(None, [broker["reason"], *broker["warnings"]]):
        text.append("\n").append_text(plain(remark, "yellow"))
    return text


def _scoring(report: StatusReport) -> Text:
    models = report["models"]
    if not models["anomaly_enabled"] and not models["forecast_enabled"]:
        return Text("off", style="dim")
    text = Text(f"{models['ready']} ready, {models['learning']} warming up  {models['scored']} scored")
    text.append(f"  lag {models['lag_s']:.1f} s", style="yellow" if models["lag_s"] > 5 else "dim")
    text.append(f"  {models['fits']} fits, {models['predictions']} predictions", style="dim")
    further = [
        Text(f"{count} {label}", style="yellow")
        for name, label in (
            ("skipped", "not scored"),
            ("failed_fits", "failed fits"),
            ("anomalies_open", "open anomalies"),
        )
        if (count := cast("Mapping[str, int]", models)[name])
    ]
    if models["fitting"]:
        further.append(plain(f"fitting {models['fitting']}", "cyan"))
    return text.append("\n").append_text(Text("  ").join(further)) if further else text


def _all_forecasts(sensors: Sequence[SensorReport]) -> Iterable[str]:
    """Of all sensors, each quantity at the horizon that is nearest to an hour."""
    every = [forecast for sensor in sensors for forecast in sensor["forecasts"]]
    for quantity in dict.fromkeys(forecast["quantity"] for forecast in every):
        of_it = [forecast for forecast in every if forecast["quantity"] == quantity]
        horizon = min((forecast["horizon_s"] for forecast in of_it), key=lambda seconds: abs(seconds - HOUR))
        shown = [forecast for forecast in of_it if forecast["horizon_s"] == horizon]
        yield f"{_foretold(shown[0])}: {_how_good(shown)}"


def _clients(report: StatusReport) -> Text:
    clients = report["clients"]
    text = Text(f"{clients['connected']} of {clients['limit']}")
    text.append("".join(f"  {name} {count}" for name, count in clients["channels"].items()), style="dim")
    text.append(f"  {clients['sent']} events sent")
    for name, label in (("dropped", "dropped"), ("closed_slow", "closed as too slow"), ("refused", "refused")):
        if count := cast("Mapping[str, int]", clients)[name]:
            text.append(f"  {count} {label}", style="yellow")
    return text


def _kept_out(report: StatusReport) -> Text:
    remarks = []
    if report["sensors_refused"]:
        remarks.append(f"{report['sensors_refused']} messages of devices that may not register")
    if report["sensors_total"] >= report["sensors_max"]:
        remarks.append(f"sensors.max is {report['sensors_max']}")
    if report["kept_out"]:
        remarks.append(f"deleted (sereno sensors allow KEY): {', '.join(report['kept_out'][:10])}")
    return plain("; ".join(remarks), "yellow")


def _word(word: str) -> Text:
    return Text(
        STATES.get(word, word).replace("_", " "),
        style="green" if word in _GOOD else "yellow" if word in _WORSE else "dim" if word == "off" else "red",
    )


def _trouble(count: int) -> Text:
    return Text(str(count), style="yellow" if count else "dim")


def _counters(counters: Mapping[str, int]) -> Text:
    return plain(", ".join(f"{name} {count}" for name, count in counters.items() if count), "yellow")
