"""The command ``sereno``: declares commands and options; what they do lies in ``daemon.commands``.

Everything heavy is imported inside the command that needs it: ``sereno --help`` costs what typer costs.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from daemon.errors import SerenoError, UsageError

if TYPE_CHECKING:
    from daemon.client import Client

Channel = Literal["general", "sensors", "readings", "locations", "anomalies", "predictions"]
Role = Literal["viewer", "operator", "admin"]

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="The configuration; default: see `sereno run --help`.")
]
StateOption = Annotated[Path | None, typer.Option("--state-dir", help="The folder of database, models and lock.")]
UrlOption = Annotated[str | None, typer.Option("--url", help="The daemon's address; default: the configuration's.")]
JsonOption = Annotated[bool, typer.Option("--json", help="For scripts.")]
StdinOption = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
SensorOption = Annotated[str | None, typer.Option("--sensor", "-s", help="Id, key or name of one sensor.")]
SinceOption = Annotated[str | None, typer.Option("--since", help="From this time on: 2h (ago), 2025-07-20T10:30.")]
UntilOption = Annotated[str | None, typer.Option("--until", help="Before this time.")]

app = typer.Typer(
    name="sereno",
    help="Watch temperature and humidity sensors: lose nothing, say what is odd and what comes next.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
sensors = typer.Typer(help="List sensors; rename them, give them limits, ignore them, merge two that are one.")
anomalies = typer.Typer(help="List anomalies; resolve one, and say whether there was something.")
user = typer.Typer(help="Accounts of secured mode.", no_args_is_help=True)
db = typer.Typer(help="Look after the database.", no_args_is_help=True)
backtest = typer.Typer(help="Replay series through the real models, scores out.", no_args_is_help=True)
app.add_typer(sensors, name="sensors")
app.add_typer(anomalies, name="anomalies")
app.add_typer(user, name="user")
app.add_typer(db, name="db")
app.add_typer(backtest, name="backtest")


opened = ExitStack()
"""What a command opened and leaves open; closed when it ends, however it ends."""


def _client(url: str | None, config: Path | None = None) -> "Client":
    from daemon.client import Client, configured_url

    client = Client(url or configured_url(config, os.environ), os.environ.get("SERENO_TOKEN"))
    return opened.enter_context(closing(client))


def _end(good: bool) -> None:
    """Exit 1 where a command did its work and found trouble."""
    if not good:
        raise typer.Exit(1)


def _version(asked: bool) -> None:
    if asked:
        from daemon import __version__

        typer.echo(f"sereno {__version__}")
        raise typer.Exit


@app.callback()
def sereno(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say it and end.")
    ] = False,
) -> None:
    """Watch temperature and humidity sensors: lose nothing, say what is odd and what comes next."""


@app.command()
def run(
    config: ConfigOption = None,
    state_dir: StateOption = None,
    demo: Annotated[bool, typer.Option("--demo", help="Emulated devices, real drivers, a folder of its own.")] = False,
    speed: Annotated[
        float, typer.Option(min=0.1, max=1000, help="The demo's devices report so many times as often.")
    ] = 1,
) -> None:
    """Run the daemon.

    The configuration is --config, $SERENO_CONFIG, ./config.yaml, /etc/sereno/config.yaml, else the defaults. Its state
    lies in --state-dir, $STATE_DIRECTORY, the installed service's folder when run as root, else below
    ~/.local/state. Exit codes: 0 stopped, 2 usage, 78 configuration, 1 anything else.
    """
    from daemon.commands import running

    if speed != 1 and not demo:
        raise UsageError("--speed is for --demo; what real devices report comes when it comes")
    raise typer.Exit(running.run_demo(config, state_dir, speed) if demo else running.run(config, state_dir))


@app.command()
def init(path: Annotated[Path, typer.Argument(help="Where to.")] = Path("config.yaml")) -> None:
    """Write a configuration with every key, its default and a comment; never overwrites."""
    from daemon.commands import setup

    setup.init(path)


@app.command()
def check(
    path: Annotated[Path | None, typer.Argument(help="The configuration; default: the one `run` would use.")] = None,
    config: ConfigOption = None,
) -> None:
    """Validate a configuration: every fault with file, line, column and cure, and exit code 78."""
    from daemon.commands import setup

    setup.check(path or config)


@app.command()
def doctor(config: ConfigOption = None, state_dir: StateOption = None, as_json: JsonOption = False) -> None:
    """Say what is wrong with this machine, and how to mend it."""
    from daemon.commands import setup

    _end(setup.examine(config, state_dir, as_json=as_json))


@app.command()
def status(
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it again every two seconds.")] = False,
    samples: Annotated[
        bool, typer.Option("--samples", help="Only what no format understood, one case a line, to look at or report.")
    ] = False,
    sensor: SensorOption = None,
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Drivers and rates, sensors and their last readings, failed reads, database, broker, models, clients."""
    from daemon.commands import status_view

    if sensor is not None and (watch or samples):
        raise UsageError("--sensor shows one sensor once; leave --watch and --samples out")
    if samples and (watch or as_json):
        raise UsageError("--samples prints JSON, one case a line; leave --watch and --json out")
    client = _client(url, config)
    if samples:
        status_view.show_samples(client)
    elif sensor is not None:
        status_view.show_sensor(client, sensor, as_json=as_json)
    elif not watch:
        status_view.show(client, as_json=as_json)
    elif as_json:
        raise UsageError("--watch is for people, --json for scripts; give one of them")
    else:
        status_view.watch(client)


@app.command("test-event")
def send_test_event(
    channel: Annotated[Channel, typer.Option("--channel", help="Who gets it.")] = "general",
    message: Annotated[str, typer.Option("--message", "-m", help="What it says.")] = "Prueba",
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Send a test event to every client of a channel, and say how many listen."""
    from daemon.commands import tester

    tester.send_event(_client(url, config), channel, message)


@app.command("tester")
def try_websocket(
    once: Annotated[bool, typer.Option("--once", help="One test.")] = False,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Tests for so long.")] = None,
    interval: Annotated[float, typer.Option(min=0.05, help="Seconds between readings.")] = 10,
    event: Annotated[bool, typer.Option("--event", help="Send a test event and see it arrive.")] = False,
    stats: Annotated[bool, typer.Option("--stats", help="Who is connected.")] = False,
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Prueba el WebSocket: make changes over REST and check that each arrives. Without an option, a menu of five."""
    from daemon.commands import tester as tests

    if once + event + stats + (minutes is not None) > 1:
        raise UsageError("give one of --once, --minutes, --event, --stats, or none for the menu")
    client = _client(url, config)
    if event:
        _end(tests.try_event(client, "general", "Prueba"))
    elif stats:
        tests.statistics(client)
    elif minutes is not None:
        _end(tests.continuous(client, minutes, interval))
    else:
        _end(tests.once(client) if once else tests.menu(client))


@app.command()
def tail(
    channel: Annotated[
        str, typer.Argument(help="One of the six channels, or several separated by commas.")
    ] = "general",
    sensor: SensorOption = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Follow events live; a lost connection is resumed where it ended."""
    from daemon.commands import listing
    from daemon.commands.tail import tail as follow

    client = _client(url, config)
    sensor_id = listing.find_sensor(client, sensor)["id"] if sensor else None
    follow(client, channel, sensor_id, listing.names_of(client), as_json=as_json)


@sensors.callback(invoke_without_command=True)
def list_sensors(
    context: typer.Context, as_json: JsonOption = False, url: UrlOption = None, config: ConfigOption = None
) -> None:
    """List sensors; rename them, give them limits, ignore them, merge two that are one."""
    if context.invoked_subcommand is None:
        from daemon.commands import listing

        listing.show_sensors(_client(url, config), as_json=as_json)


SensorArgument = Annotated[str, typer.Argument(help="Id, key or name.", metavar="SENSOR")]


@sensors.command("rename")
def rename_sensor(sensor: SensorArgument, name: str, url: UrlOption = None, config: ConfigOption = None) -> None:
    """Give a sensor a name."""
    from daemon.commands import listing

    listing.change_sensor(_client(url, config), sensor, {"nombre": name})


@sensors.command("limits")
def limit_sensor(
    sensor: SensorArgument,
    temperature_min: Annotated[str | None, typer.Option(help="°C, or none.")] = None,
    temperature_max: Annotated[str | None, typer.Option(help="°C, or none.")] = None,
    humidity_min: Annotated[str | None, typer.Option(help="%, or none.")] = None,
    humidity_max: Annotated[str | None, typer.Option(help="%, or none.")] = None,
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Set what is normal for a sensor: outside it an anomaly is opened."""
    from daemon.commands import listing

    given = {
        "temperatura_min": temperature_min,
        "temperatura_max": temperature_max,
        "humedad_min": humidity_min,
        "humedad_max": humidity_max,
    }
    changes = {name: listing.limit(value) for name, value in given.items() if value is not None}
    if not changes:
        raise UsageError("give at least one of --temperature-min, --temperature-max, --humidity-min, --humidity-max")
    listing.change_sensor(_client(url, config), sensor, changes)


@sensors.command("ignore")
def ignore_sensor(sensor: SensorArgument, url: UrlOption = None, config: ConfigOption = None) -> None:
    """Take nothing more of a sensor, or of a key that has none yet; what is stored stays."""
    from daemon.commands import listing

    listing.ignore(_client(url, config), sensor)


@sensors.command("merge")
def merge_sensors(
    sensor: SensorArgument,
    into: Annotated[str, typer.Argument(help="Id, key or name of the one that stays.", metavar="INTO")],
    sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a sensor part of another: its history, and what its device says from now on, are the other's."""
    from daemon.commands import listing

    listing.merge(_client(url, config), sensor, into, sure=sure)


@sensors.command("split")
def split_sensor(key: str, url: UrlOption = None, config: ConfigOption = None) -> None:
    """Take a key that was merged from its sensor: the device registers anew; what came by it stays."""
    from daemon.commands import listing

    listing.split(_client(url, config), key)


@sensors.command("allow")
def allow_sensor(
    key: Annotated[str, typer.Argument(help="Key; of an ignored sensor its id or name, too.", metavar="SENSOR")],
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Hear an ignored sensor again, or let a deleted one's key register; `sereno status` lists those kept out."""
    from daemon.commands import listing

    listing.allow(_client(url, config), key)


@anomalies.callback(invoke_without_command=True)
def list_anomalies(
    context: typer.Context,
    sensor: SensorOption = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are not resolved.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
    as_json: JsonOption = False,
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """List anomalies; resolve one, and say whether there was something."""
    if context.invoked_subcommand is None:
        from daemon.commands import anomalies as commands

        commands.show(_client(url, config), sensor, limit, only_open=only_open, as_json=as_json)


@anomalies.command("resolve")
def resolve_anomaly(
    anomaly: Annotated[int, typer.Argument(min=1, help="Its id.", metavar="ID")],
    false: Annotated[bool, typer.Option("--false", help="There was nothing: a false alarm.")] = False,
    true: Annotated[bool, typer.Option("--true", help="There was something.")] = False,
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Close an anomaly. What --false or --true says, the sensor's model heeds; it may be said afterwards, too."""
    from daemon.commands import anomalies as commands

    if false and true:
        raise UsageError("give --false or --true, not both")
    commands.resolve(_client(url, config), anomaly, "falsa" if false else "cierta" if true else None)


@app.command()
def readings(
    sensor: SensorOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
    as_json: JsonOption = False,
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """List the newest readings; --json prints one a line."""
    from daemon.commands import listing
    from daemon.commands.moments import between

    listing.show_readings(_client(url, config), sensor, *between(since, until), limit, as_json=as_json)


@app.command()
def decode(
    payload: Annotated[
        str | None, typer.Argument(help="An MQTT payload, or a serial line; default: standard input.")
    ] = None,
    topic: Annotated[str | None, typer.Option("--topic", "-t", help="The MQTT topic it came on.")] = None,
    serial: Annotated[bool, typer.Option("--serial", help="It is what came through a serial port.")] = False,
    format_name: Annotated[str | None, typer.Option("--format", help="The serial format; default: auto.")] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Cases, one JSON object a line, judged alone.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what would become of a payload: sereno decode --topic tele/kitchen/SENSOR '{"AM2301": …}'."""
    from daemon.commands import payloads

    if jsonl + serial + (topic is not None) != 1:
        raise UsageError("give one of --topic TOPIC, --serial, --jsonl")
    if format_name is not None and not serial:
        raise UsageError("--format is for --serial: what comes over MQTT is recognised by topic and payload")
    if jsonl and payload is not None:
        raise UsageError("--jsonl reads its cases from standard input; leave the payload out")
    given = None if payload is None else payload.encode(errors="surrogateescape")
    if jsonl:
        _end(payloads.decode_cases(sys.stdin.buffer))
    elif serial:
        payloads.explain_serial(sys.stdin.buffer, given, format_name or "auto", as_json=as_json)
    else:
        payloads.explain_message(str(topic), sys.stdin.buffer.read() if given is None else given, as_json=as_json)


@app.command()
def simulate(
    devices: Annotated[int, typer.Option("--devices", "-n", min=1, max=10_000, help="So many.")] = 3,
    interval: Annotated[float, typer.Option(min=0.001, help="Seconds between the reports of one device.")] = 10,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="KIND or KIND:DEVICE: stuck, spike, offset, drift, dropout, silence, from now on."),
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End after so long; default: on Ctrl-C.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another climate.")] = 1,
    broker: Annotated[str | None, typer.Option(help="mqtt://[user@]host:1883; default: the configuration's.")] = None,
    password_stdin: StdinOption = False,
    config: ConfigOption = None,
) -> None:
    """Publish like N devices (Tasmota, ESPHome, home-made JSON), with faults on request."""
    from daemon.commands import simulating

    url = simulating.broker_url(broker, config, from_stdin=password_stdin)
    simulating.simulate(url, devices, interval, fault or [], seconds, seed)


@app.command()
def train(sensor: SensorOption = None, url: UrlOption = None, config: ConfigOption = None) -> None:
    """Fit the models of one sensor, or of all, now."""
    from daemon.commands import models

    models.train(_client(url, config), sensor)


@backtest.command("anomaly")
def backtest_anomaly(
    files: Annotated[list[Path], typer.Argument(help="Series: timestamp,value or timestamp,sensor,quantity,value.")],
    out: Annotated[Path, typer.Option("--out", help="The folder of the scores.")],
    root: Annotated[Path | None, typer.Option("--root", help="Keep each file's path below this folder.")] = None,
) -> None:
    """Score series one reading at a time, never looking ahead."""
    from daemon.commands import models

    models.backtest_anomaly(files, out, root)


@backtest.command("forecast")
def backtest_forecast(
    files: Annotated[list[Path], typer.Argument(help="Series: timestamp,sensor,quantity,value.")],
    origins: Annotated[Path, typer.Option("--origins", help="From when to look ahead, as fc_score.py writes it.")],
    out: Annotated[Path, typer.Option("--out", help="The file of the forecasts.")],
) -> None:
    """Forecast series from given origins, never looking ahead."""
    from daemon.commands import models

    models.backtest_forecast(files, origins, out)


@user.command("add")
def add_user(
    name: str,
    role: Annotated[Role, typer.Option(help="viewer reads, operator writes, admin manages users.")],
    channels: Annotated[
        str | None, typer.Option(help="Allowed channels, separated by commas; default: all six.")
    ] = None,
    password_stdin: StdinOption = False,
    config: ConfigOption = None,
    state_dir: StateOption = None,
) -> None:
    """Make an account; its password is asked for."""
    from daemon.commands import accounts
    from daemon.commands.place import enter

    accounts.add(*enter(config, state_dir), name, role, channels, from_stdin=password_stdin)


@user.command("list")
def list_users(as_json: JsonOption = False, config: ConfigOption = None, state_dir: StateOption = None) -> None:
    """List accounts with their roles and channels."""
    from daemon.commands import accounts
    from daemon.commands.place import enter

    accounts.show(*enter(config, state_dir), as_json=as_json)


@user.command("password")
def change_password(
    name: str, password_stdin: StdinOption = False, config: ConfigOption = None, state_dir: StateOption = None
) -> None:
    """Change a password; every token of the account ends."""
    from daemon.commands import accounts
    from daemon.commands.place import enter

    accounts.password(*enter(config, state_dir), name, from_stdin=password_stdin)


@user.command("remove")
def remove_user(name: str, config: ConfigOption = None, state_dir: StateOption = None) -> None:
    """Remove an account; its tokens and connections end."""
    from daemon.commands import accounts
    from daemon.commands.place import enter

    accounts.remove(*enter(config, state_dir), name)


@app.command()
def token(
    name: Annotated[str | None, typer.Argument(help="The account it speaks for.")] = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="Good for so long.")] = 30,
    list_all: Annotated[bool, typer.Option("--list", help="List the tokens there are.")] = False,
    revoke: Annotated[str | None, typer.Option(help="End the token of this id.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateOption = None,
) -> None:
    """Print a token for a script (put it into SERENO_TOKEN)."""
    from daemon.commands import accounts
    from daemon.commands.place import enter

    if (name is not None) + list_all + (revoke is not None) != 1:
        raise UsageError("give one of NAME, --list, --revoke ID")
    place = enter(config, state_dir)
    if name is not None:
        accounts.token(*place, name, days)
    elif revoke is not None:
        accounts.revoke(*place, revoke)
    else:
        accounts.show_tokens(*place, as_json=as_json)


@app.command("import")
def import_files(
    files: Annotated[
        list[Path], typer.Argument(help="CSV (long or wide) or NDJSON, each also .gz; - is standard input.")
    ],
    timezone: Annotated[str | None, typer.Option(help="Zone of times without one; default: this machine's.")] = None,
    prefix: Annotated[str, typer.Option(help="Put before every sensor's key.")] = "",
    model: Annotated[str, typer.Option(help="The part (DHT22) of sensors that the files do not tell.")] = "desconocido",
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Import readings into a running daemon; what is there already is not doubled."""
    from daemon.commands.importing import Import
    from daemon.commands.moments import zone

    _end(Import(_client(url, config), zone(timezone), prefix, model).run(files))


@app.command("export")
def export_file(
    file: Annotated[Path, typer.Argument(help="Where to, .gz is compressed; - is standard output.")] = Path("-"),
    form: Annotated[Literal["long", "wide", "ndjson"], typer.Option("--format", help="CSV or JSON.")] = "long",
    sensor: SensorOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Export readings, oldest first."""
    from daemon.commands import exporting, listing
    from daemon.commands.moments import between

    client = _client(url, config)
    sensor_id = listing.find_sensor(client, sensor)["id"] if sensor else None
    exporting.export(client, file, form, sensor_id, *between(since, until))


@db.command("upgrade")
def upgrade_database(config: ConfigOption = None, state_dir: StateOption = None) -> None:
    """Bring the database to this version's schema; a copy is kept first. `run` does it too."""
    from daemon.commands import setup

    setup.upgrade(config, state_dir)


@db.command("backup")
def backup_database(
    target: Annotated[
        Path | None, typer.Argument(help="Where to; default: beside the database, with the date.")
    ] = None,
    config: ConfigOption = None,
    state_dir: StateOption = None,
) -> None:
    """Copy the database whole, while the daemon runs or not (PostgreSQL: what pg_restore reads)."""
    from daemon.commands import setup

    setup.backup(config, state_dir, target)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The entry point: errors become one sentence on stderr and their exit code; Ctrl-C ends quietly with 130."""
    try:
        with opened:
            app(args=arguments, prog_name="sereno")
    except SerenoError as error:
        for sentence in str(error).splitlines():
            sys.stderr.write(f"sereno: {sentence}\n" if error.exit_code != 78 else f"{sentence}\n")
        sys.exit(error.exit_code)
    sys.exit(0)


if __name__ == "__main__":
    main()
