"""The commands, as a person or a script meets them: what they print, where, and with which exit code."""

import contextlib
import http.server
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_type_hints, is_typeddict

import pytest
from support.brokers import free_port
from support.daemon import ROOT, RunningDaemon, running

import cli
from daemon import __version__
from daemon.client import Client
from daemon.commands import console
from daemon.commands.tester import send_event
from daemon.status_report import BrokerReport, StatusReport

PAST = """\
timestamp,sensor,quantity,value
2025-07-20T10:30:00Z,kitchen,temperature,21.5
2025-07-20T10:30:00Z,kitchen,humidity,50
2025-07-20T10:31:00Z,kitchen,temperature,21.6
2025-07-20T10:31:00Z,kitchen,humidity,51
2025-07-20T10:31:00Z,cellar,temperature,12
2025-07-20T10:32:00Z,cellar,temperature,
"""
OPEN = """\
server: {port: {port}}
broker: {embedded: false}
drivers: [{name: past, type: replay, path: PAST, model: DHT22}]
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


def invoke(
    arguments: Sequence[str], stdin: bytes, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Outcome:
    """Run a command in this process."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    captured = capfd.readouterr()
    code = ended.value.code
    return Outcome(code if isinstance(code, int) else 0, captured.out, captured.err)


@pytest.fixture
def sereno(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Commands in an empty folder, without a daemon."""
    for name in list(os.environ):
        if name.startswith(("SERENO", "WEBSOCKET_", "STATE_DIRECTORY")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("daemon.config_sources.SYSTEM_CONFIG", tmp_path / "missing.yaml")
    return lambda *arguments, stdin=b"": invoke(arguments, stdin, capfd, monkeypatch)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    folder = tmp_path_factory.mktemp("daemon")
    (folder / "past.csv").write_text(PAST)
    with running(folder, OPEN.replace("PAST", str(folder / "past.csv"))) as started:
        yield started


@pytest.fixture
def asked(daemon: RunningDaemon, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Commands about the running daemon."""
    for name, value in daemon.environ.items():
        monkeypatch.setenv(name, value)
    return lambda *arguments, stdin="": invoke(arguments, stdin.encode(), capfd, monkeypatch)


def good(outcome: "Outcome | subprocess.CompletedProcess[str]") -> str:
    """What a command printed that did its work."""
    if isinstance(outcome, subprocess.CompletedProcess):
        outcome = Outcome(outcome.returncode, outcome.stdout, outcome.stderr)
    assert outcome.code == 0, outcome.err
    return outcome.out


# Without a daemon


def test_version_and_help(sereno: Command) -> None:
    assert sereno("--version") == Outcome(0, f"sereno {__version__}\n", "")
    done = sereno("--help")
    assert done.code == 0
    assert "test-event" in done.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["status", "--watch", "--json"],
        ["status", "--watch", "--sensor", "1"],
        ["tester", "--once", "--stats"],
        ["tester", "--minutes", "0"],
        ["decode", "x"],
        ["decode", "--serial", "--format", "morse"],
        ["readings", "--since", "yesterday-ish", "--url", "http://127.0.0.1:1"],
        ["test-event", "--channel", "nowhere"],
        ["sensors", "limits", "1", "--url", "http://127.0.0.1:1"],
        ["anomalies", "resolve", "1", "--false", "--true"],
        ["status", "--url", "ftp://host"],
        ["simulate", "--broker", "mqtt://ana:secret@host"],
        ["simulate", "--broker", "amqp://host"],
        ["simulate", "--fault", "boredom"],
        ["import", "x.csv", "--timezone", "Mars/Olympus", "--url", "http://127.0.0.1:1"],
        ["token"],
        ["user", "add", "ana", "--role", "king"],
    ],
)
def test_a_wrong_use_exits_2_and_says_why_on_stderr(sereno: Command, arguments: list[str]) -> None:
    done = sereno(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert "Traceback" not in done.err
    assert done.err


def test_simulating_for_a_broker_that_is_not_there_says_so(sereno: Command) -> None:
    port = free_port()
    done = sereno("simulate", "--broker", f"mqtt://127.0.0.1:{port}", "--seconds", "1")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"sereno: no broker answers at 127.0.0.1:{port}; ")


def test_a_wrong_serial_format_is_told_which_there_are_each_once(sereno: Command) -> None:
    words = sereno("decode", "--serial", "--format", "morse").err.partition("there are ")[2].strip().split(", ")
    assert "auto" in words
    assert len(set(words)) == len(words)


def test_check_tells_every_fault_and_exits_78(sereno: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("server: {port: fast}\nlog: {level: loud}\n")
    done = sereno("check", "bad.yaml")
    assert done.code == 78
    assert done.out == ""
    assert [line.split()[0] for line in done.err.splitlines()] == ["bad.yaml:1:10", "bad.yaml:2:7"]


def test_check_warns_of_a_timeout_that_no_round_has_time_for(sereno: Command, tmp_path: Path) -> None:
    bus = "{name: bus, type: modbus, port: /dev/x, every: 2s, timeout: 3s, devices: [{unit: 1, model: sht20}]}"
    (tmp_path / "slow.yaml").write_text(f"drivers: [{bus}]\n")
    done = sereno("check", "slow.yaml")
    assert done.code == 0
    assert "! driver bus: timeout, 3 s, is longer than every, 2 s: one silent device makes each" in done.err


def test_run_with_a_faulty_configuration_exits_78_and_makes_nothing(sereno: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("server: {port: fast}\n")
    done = sereno("run", "--config", "bad.yaml", "--state-dir", "state")
    assert done.code == 78
    assert done.err == 'bad.yaml:1:10 server.port: "fast" is not a whole number; 8000 is usual\n'
    assert not (tmp_path / "state").exists()


def test_what_init_writes_is_good_and_never_overwritten(sereno: Command, tmp_path: Path) -> None:
    assert sereno("init").code == 0
    written = (tmp_path / "config.yaml").read_text()
    assert written == (ROOT / "config.yaml").read_text()
    assert sereno("check").code == 0
    (tmp_path / "config.yaml").write_text("log: {}")
    done = sereno("init")
    assert done.code == 1
    assert "is there already and stays as it is" in done.err
    assert (tmp_path / "config.yaml").read_text() == "log: {}"


@pytest.mark.parametrize(
    "command", [["status"], ["sensors"], ["anomalies"], ["readings"], ["tail"], ["test-event"], ["tester", "--once"]]
)
def test_without_a_daemon_one_sentence_says_so(sereno: Command, command: list[str]) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = sereno(*command, "--url", url)
    assert (done.code, done.out) == (1, "")
    assert done.err == f"sereno: no daemon answers at {url}; start it with `sereno run`, or give its --url\n"


def test_the_address_comes_from_the_configuration_even_if_the_rest_is_faulty(sereno: Command, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"server: {{host: 0.0.0.0, port: {free_port()}}}\nlog: {{level: loud}}")
    assert "no daemon answers at http://127.0.0.1:" in sereno("status").err


class Stranger(http.server.BaseHTTPRequestHandler):
    """Some other web server on our port."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>printer</html>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


def test_another_server_in_its_place_is_noticed(sereno: Command) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            done = sereno("status", "--url", f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()
    assert done.code == 1
    assert "is not sereno; check --url and server.port" in done.err


def test_decode_says_what_would_become_of_a_payload(sereno: Command) -> None:
    payload = '{"AM2301":{"Temperature":75.2,"Humidity":58.2},"TempUnit":"F"}'
    done = sereno("decode", "--topic", "tele/kitchen/SENSOR", payload)
    assert done.code == 0
    assert "temperature: 24 °C, from 75.2 F" in done.out.replace("°F", "F")
    judged = json.loads(sereno("decode", "--json", "--topic", "tele/kitchen/SENSOR", stdin=payload.encode()).out)
    assert judged["kind"] == "reading"
    assert {row["quantity"]: row["value"] for row in judged["readings"]} == {"temperature": 24.0, "humidity": 58.2}


def test_decode_reads_a_serial_capture(sereno: Command) -> None:
    done = sereno("decode", "--serial", stdin=b"Humidity: 55.10 %\tTemperature: 21.30 *C\r\n")
    assert "temperature: 21.3 °C" in done.out


def test_decode_takes_a_serial_line_as_its_argument(sereno: Command) -> None:
    assert "humidity: 45 %" in sereno("decode", "--serial", "Humidity: 45 %").out
    judged = json.loads(sereno("decode", "--serial", "--json", "Humidity: 45 %").out)
    assert [row["value"] for row in judged["readings"]] == [45.0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--topic", "x", "--format", "csv", "21.5"], "--format is for --serial"),
        (["--jsonl", "{}"], "--jsonl reads its cases from standard input"),
        (["--topic", "a/#", "21.5"], "'a/#' is a filter"),
        (["--topic", "a/+/b", "21.5"], "'a/+/b' is a filter"),
    ],
)
def test_decode_passes_over_nothing_that_it_was_given(sereno: Command, arguments: list[str], sentence: str) -> None:
    done = sereno("decode", *arguments)
    assert (done.code, done.out) == (2, "")
    assert sentence in done.err


def test_decode_judges_each_case_alone_and_survives_bad_lines(sereno: Command) -> None:
    cases = [
        b'{"id":"a","transport":"mqtt","topic":"x/temperature","payload_text":"21.5"}',
        b"not json",
        b"[1]",
        b"",
        b'{"id":"b","transport":"pigeon","payload_text":""}',
        b'{"id":"c","transport":"serial","payload_b64":"SGVsbG8K"}',
    ]
    done = sereno("decode", "--jsonl", stdin=b"\n".join(cases))
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 1
    assert [row["id"] for row in rows] == ["a", None, None, None, "c"]
    assert [row["kind"] for row in rows][:2] == ["reading", "unknown"]
    assert set(rows[0]) == {"id", "kind", "readings"}
    assert set(rows[0]["readings"][0]) == {"device", "sensor", "quantity", "value", "unit", "timestamp"}
    assert [line.split(":")[0] for line in done.err.splitlines()] == ["line 2", "line 3", "line 5"]


def test_accounts_and_tokens(sereno: Command, tmp_path: Path) -> None:
    place = ("--state-dir", "state")
    assert sereno("user", "list", *place).code == 0
    assert (
        sereno("user", "add", "ana", "--role", "admin", "--password-stdin", *place, stdin=b"correct horse\n").code == 0
    )
    options = ("--role", "viewer", "--channels", "readings,sensors", "--password-stdin")
    assert sereno("user", "add", "ben", *options, *place, stdin=b"battery staple\n").code == 0
    listed = json.loads(sereno("user", "list", "--json", *place).out)
    assert listed[0]["role"] == "admin"
    assert listed[1] == {"name": "ben", "role": "viewer", "channels": ["readings", "sensors"]}
    assert sereno("user", "password", "ben", "--password-stdin", *place, stdin=b"another one\n").code == 0

    done = sereno("token", "ana", "--days", "7", *place)
    assert done.code == 0
    assert done.out.count(".") == 2
    assert "shown once" in done.err
    (row,) = json.loads(sereno("token", "--list", "--json", *place).out)
    assert (row["account"], row["state"]) == ("ana", "good")
    assert sereno("token", "--revoke", row["id"], *place).code == 0
    assert json.loads(sereno("token", "--list", "--json", *place).out)[0]["state"] == "revoked"
    assert sereno("user", "remove", "ben", *place).code == 0
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "sentence"),
    [
        (["user", "add", "ana", "--role", "admin", "--password-stdin"], b"short\n", 2, "a password has 8 to"),
        (["user", "add", "a b", "--role", "admin", "--password-stdin"], b"long enough\n", 2, "is no account name"),
        (["user", "add", "ana", "--role", "admin"], b"long enough\n", 2, "give it by --password-stdin"),
        (
            ["user", "add", "ana", "--role", "viewer", "--channels", "radio"],
            b"",
            2,
            "the channels are general, sensors",
        ),
        (["user", "remove", "nobody"], b"", 1, "there is no account 'nobody'"),
        (["user", "password", "nobody", "--password-stdin"], b"long enough\n", 1, "there is no account 'nobody'"),
        (["token", "nobody"], b"", 1, "there is no account 'nobody'"),
        (["token", "--revoke", "x"], b"", 1, "there is no token 'x'"),
    ],
)
def test_what_an_account_cannot_be(
    sereno: Command, arguments: list[str], stdin: bytes, code: int, sentence: str
) -> None:
    done = sereno(*arguments, "--state-dir", "state", stdin=stdin)
    assert (done.code, done.out) == (code, "")
    assert sentence in done.err


def test_a_database_is_made_copied_and_never_overwritten(sereno: Command, tmp_path: Path) -> None:
    place = ("--state-dir", "state")
    assert "there is no database" in sereno("db", "backup", *place).err
    assert sereno("db", "upgrade", *place).code == 0
    assert sereno("db", "backup", "copy.db", *place).code == 0
    assert (tmp_path / "copy.db").read_bytes()[:6] == b"SQLite"
    assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0
    assert "is there already and stays as it is" in sereno("db", "backup", "copy.db", *place).err
    astray = sereno("db", "backup", "nowhere/copy.db", *place)
    assert astray.err == (
        "sereno: nowhere/copy.db could not be written: No such file or directory; check path, rights and space\n"
    )


def test_the_doctor_speaks_to_scripts_too(sereno: Command) -> None:
    done = sereno("doctor", "--json", "--state-dir", "state")
    findings = json.loads(done.out)
    assert done.code == any(finding["level"] == "fault" for finding in findings)
    assert {"level", "subject", "text", "cure"} == set(findings[0])


def test_the_doctor_names_faults_of_the_configuration(sereno: Command, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("log: {level: loud}")
    done = sereno("doctor", "--json", "--state-dir", "state")
    assert done.code == 1
    assert any(finding["subject"] == "configuration" for finding in json.loads(done.out))


def test_backtest_of_a_file_that_is_none(sereno: Command, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    done = sereno("backtest", "anomaly", "x.csv", "--out", "scores")
    assert done.code == 1
    assert "x.csv:1: the header is 'a,b'" in done.err


# With one


def shape(value: Any, wanted: Any, path: str) -> Iterator[str]:
    """Keys of a report that are missing."""
    if is_typeddict(wanted) and isinstance(value, dict):
        for key, inner in get_type_hints(wanted).items():
            if key not in value:
                yield f"{path}.{key}"
            else:
                yield from shape(value[key], inner, f"{path}.{key}")
    elif isinstance(value, list) and getattr(wanted, "__args__", None):
        for item in value:
            yield from shape(item, wanted.__args__[0], f"{path}[]")


def test_status_tells_all_that_the_report_promises(asked: Command) -> None:
    report = json.loads(good(asked("status", "--json")))
    assert list(shape(report, StatusReport, "status")) == []
    assert report["broker"] is None or list(shape(report["broker"], BrokerReport, "broker")) == []
    assert report["version"] == __version__
    assert [driver["name"] for driver in report["drivers"]] == ["past"]
    assert {sensor["key"] for sensor in report["sensors"]} >= {"past/kitchen", "past/cellar"}
    kitchen = next(sensor for sensor in report["sensors"] if sensor["key"] == "past/kitchen")
    assert (kitchen["anomaly_model"], kitchen["warm_up_h"], kitchen["warm_up_of_h"]) == ("warming_up", 0.0, 24.0)


def test_status_for_people(asked: Command, daemon: RunningDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.out, "_width", 120)  # narrower ones have shorter words
    view = good(asked("status"))
    for expected in (
        f"sereno {__version__}",
        daemon.url,
        "past",
        "replay",
        "kitchen",
        "21.6",
        "51.0",
        "readings, failed and invalid ones are counted since the start, ",
        "sereno.db",
        "not embedded",
        "warming up 0/24 h",
    ):
        assert expected.replace(" ", "") in "".join(view.split())  # long paths are folded


def test_metrics_count_each_sensor_s_failed_and_impossible_readings(daemon: RunningDaemon) -> None:
    with urllib.request.urlopen(f"{daemon.url}/metrics", timeout=10) as answer:
        told = answer.read().decode()
    warming = int(float(told.split('sereno_sensors{readiness="warming_up"} ')[1].splitlines()[0]))
    assert warming >= 2, "a sensor of a few readings"
    for name in ("failed_reads", "invalid_readings"):
        assert f'sereno_sensor_{name}_total{{sensor="past/cellar"}}' in told


def test_a_test_event_says_who_could_see_it(asked: Command) -> None:
    out = good(asked("test-event", "--channel", "sensors", "--message", "¡Hola!"))
    assert "✓ '¡Hola!' → sensors" in out
    assert "nobody is listening" in out


def test_who_comes_after_a_test_event_is_not_said_to_have_heard_it(capsys: pytest.CaptureFixture[str]) -> None:
    class Joined:
        """A daemon to which somebody connects as soon as the event is out."""

        listening = 0

        def post(self, path: str, **_: str) -> None:
            self.listening = 1

        def get(self, path: str) -> dict[str, object]:
            return {"channels": {"sensors": {"connections": self.listening}}}

    send_event(cast("Client", Joined()), "sensors", "ping")
    assert "nobody is listening" in capsys.readouterr().out


def test_tail_follows_and_ends_quietly_on_ctrl_c(asked: Command, daemon: RunningDaemon) -> None:
    # A shell has its background jobs ignore Ctrl-C, and so whatever they start.
    hearing = ["env", "--default-signal=INT"]
    command = [*hearing, sys.executable, "-m", "cli", "tail", "readings", "--json"]
    with (
        subprocess.Popen(
            command, cwd=ROOT, env=daemon.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as following,
        contextlib.ExitStack() as stack,
    ):
        stack.callback(following.kill)
        assert following.stdout is not None
        while "1 client listening" not in good(asked("test-event", "--channel", "readings", "--message", "ping")):
            assert following.poll() is None
        event = json.loads(following.stdout.readline())
        assert (event["message"], event["data"]["test"]) == ("ping", True)
        following.send_signal(signal.SIGINT)
        _, err = following.communicate(timeout=20)
    assert b"Traceback" not in err
    assert following.returncode == 130


def test_tail_of_a_channel_that_is_none(asked: Command) -> None:
    done = asked("tail", "weather")
    assert done.code == 1
    assert "general" in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("option", [["--once"], ["--event"], ["--minutes", "0.01", "--interval", "0.2"]])
def test_the_tester_sees_every_event_arrive(asked: Command, option: list[str]) -> None:
    out = good(asked("tester", *option))
    assert "✓" in out
    assert "✗" not in out


def test_the_tester_leaves_nothing_behind(asked: Command) -> None:
    good(asked("tester", "--once"))
    names = [row["nombre"] for row in json.loads(good(asked("sensors", "--json")))]
    assert not [name for name in names if name and "tester" in name]


def test_the_testers_menu_has_the_documents_five_options(asked: Command) -> None:
    answers = ["1", "3", "0.01", "0.2", "4", "general", "Prueba", "5", "9", "0"]
    out = good(asked("tester", stdin="\n".join(answers) + "\n"))
    for option in (
        "1. Prueba única",
        "2. Pruebas continuas (5 minutos)",
        "3. Pruebas continuas personalizadas",
        "4. Enviar evento de prueba",
        "5. Ver estadísticas",
    ):
        assert option in out
    assert "✓ 'Prueba' → general" in out
    assert "nobody is connected" in out
    assert "✗" not in out


def test_sensors_are_found_by_id_key_and_name(asked: Command) -> None:
    rows = {row["clave"]: row for row in json.loads(good(asked("sensors", "--json")))}
    cellar = rows["past/cellar"]
    good(asked("sensors", "rename", "past/cellar", "Bodega"))
    good(asked("sensors", "limits", "Bodega", "--temperature-min", "5", "--temperature-max", "18"))
    good(asked("sensors", "limits", str(cellar["id"]), "--temperature-max", "none"))
    (row,) = [row for row in json.loads(good(asked("sensors", "--json"))) if row["id"] == cellar["id"]]
    assert (row["nombre"], row["temperatura_min"], row["temperatura_max"]) == ("Bodega", 5.0, None)
    for wanted in ("nothing", "999999"):
        done = asked("sensors", "rename", wanted, "x")
        assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert asked("sensors", "limits", "Bodega", "--temperature-min", "warm").code == 2
    shown = good(asked("sensors", "limits", "Bodega", "--humidity-max", "none"))
    assert shown == f"sensor {cellar['id']} (past/cellar): humidity max none\n"
    assert "active" in good(asked("sensors"))


def test_a_key_is_ignored_before_a_sensor_has_it_and_heard_again(asked: Command) -> None:
    assert "is ignored" in good(asked("sensors", "ignore", "past/neighbour"))
    (row,) = [line for line in good(asked("sensors")).splitlines() if "past/neighbour" in line]
    assert "ignored" in row
    assert "is heard again" in good(asked("sensors", "allow", "past/neighbour"))
    good(asked("sensors", "ignore", "past/a%23b#ext"))
    names = {row["clave"]: row["nombre"] for row in json.loads(good(asked("sensors", "--json")))}
    assert (names["past/neighbour"], names["past/a%23b#ext"]) == ("neighbour", "a#b ext")
    assert asked("sensors", "ignore", "no such name").code == 1


def test_two_that_are_one_are_merged_by_a_person_who_is_sure(asked: Command) -> None:
    for key in ("past/one", "past/other"):
        good(asked("sensors", "ignore", key))
        good(asked("sensors", "allow", key))
    assert asked("sensors", "merge", "past/one", "past/other", stdin="n\n").code == 1
    assert "is part of sensor" in good(asked("sensors", "merge", "past/one", "past/other", "--yes"))
    listed = json.loads(good(asked("sensors", "--json")))
    (kept,) = [row for row in listed if row["clave"] == "past/other"]
    assert kept["claves"] == ["past/one"]
    shown = good(asked("sensors"))
    assert "past/one" in shown
    assert "\\x0a" not in shown
    refused = asked("sensors", "split", "other")
    assert (refused.code, refused.err) == (
        1,
        f"sereno: 'other' is not one of the keys merged into sensor {kept['id']}: its further keys are past/one\n",
    )
    assert not [row for row in listed if row["clave"] == "past/one"]
    rows = "timestamp,sensor,quantity,value\n2025-03-01T10:00:00Z,past/one,temperature,20.5\n"
    assert asked("import", "-", stdin=rows).code == 0
    (row,) = [json.loads(line) for line in good(asked("readings", "--sensor", "past/one", "--json")).splitlines()]
    assert row["sensor_id"] == kept["id"]
    assert "registers anew" in good(asked("sensors", "split", "past/one"))


def test_a_key_that_is_not_kept_out_is_not_let_in_either(asked: Command) -> None:
    done = asked("sensors", "allow", "no-such-key")
    assert (done.code, done.out) == (1, "")
    assert done.err == "sereno: there is no sensor 'no-such-key'; `sereno sensors` lists ids, keys and names\n"


def test_readings_by_sensor_and_time(asked: Command) -> None:
    options = ("--sensor", "past/kitchen", "--since", "2025-07-20T10:30:30Z", "--until", "2025-07-20T10:31:30Z")
    (row,) = [json.loads(line) for line in good(asked("readings", "--json", *options)).splitlines()]
    assert (row["temperatura"], row["humedad"], row["timestamp"]) == (21.6, 51.0, "2025-07-20T10:31:00Z")
    assert "21.6" in good(asked("readings", *options))


@pytest.mark.parametrize("form", ["long", "wide", "ndjson"])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_what_is_exported_can_be_imported_and_doubles_nothing(
    asked: Command, tmp_path: Path, form: str, ending: str
) -> None:
    file = tmp_path / f"export.{form}{ending}"
    good(asked("export", str(file), "--format", form, "--sensor", "past/kitchen"))
    assert "0 stored, 2 duplicates, 0 rejected, 0 malformed" in asked("import", str(file)).err
    prefix = f"copy-{form}{ending}/"
    assert "2 stored, 0 duplicates" in asked("import", str(file), "--prefix", prefix).err
    again = good(asked("export", "--format", "ndjson", "--sensor", f"{prefix}past/kitchen"))
    rows = [json.loads(line) for line in again.splitlines()]
    assert [(row["timestamp"], row["temperature"], row["humidity"]) for row in rows] == [
        ("2025-07-20T10:30:00Z", 21.5, 50.0),
        ("2025-07-20T10:31:00Z", 21.6, 51.0),
    ]
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("form", ["long", "wide", "ndjson"])
def test_rows_keyed_by_receipt_and_count_are_known_again(asked: Command, tmp_path: Path, form: str) -> None:
    key = f"precise-{form}"
    file = tmp_path / f"precise.{form}"
    first, second = (
        {"timestamp": f"2025-07-20T10:30:00.{fraction}Z", "device": key, "temperature": 20.5}
        for fraction in ("123456", "123789")
    )
    rows = [first, second, second | {"sequence": 7, "temperature": 21}]
    asked("import", "-", stdin="\n".join(map(json.dumps, rows)))
    good(asked("export", str(file), "--format", form, "--sensor", key))
    assert "0 stored, 3 duplicates, 0 rejected, 0 malformed" in asked("import", str(file)).err


def test_an_import_tells_each_line_it_could_not_take(asked: Command, tmp_path: Path) -> None:
    file = tmp_path / "mixed.csv"
    file.write_text(
        "timestamp,sensor,temperature\n2025-01-01T12:00:00,attic,20\nnever,attic,20\n2025-01-01T12:01:00,attic,500\n"
        "2025-01-01T12:02:00,attic,\n"
    )
    done = asked("import", str(file), "--timezone", "Europe/Madrid", "--model", "DHT22")
    assert done.code == 1
    lines = done.err.splitlines()
    assert lines[0].startswith("mixed.csv:3: 'never' is not a time")
    assert lines[1].startswith("mixed.csv:4: ")
    assert lines[2] == "1 stored, 0 duplicates, 1 rejected, 1 malformed, 1 failed reads"
    (row,) = good(asked("readings", "--json", "--sensor", "attic")).splitlines()
    assert json.loads(row)["timestamp"] == "2025-01-01T11:00:00Z"


def test_an_import_of_nothing(asked: Command, tmp_path: Path) -> None:
    done = asked("import", str(tmp_path / "none.csv"))
    assert done.code == 1
    assert "none.csv: No such file or directory" in done.err
    done = asked("import", "-", stdin="no header at all\n")
    assert done.code == 1
    assert "line 1 is neither a CSV header" in done.err


def test_anomalies_are_listed_and_resolved_with_a_verdict(asked: Command, daemon: RunningDaemon) -> None:
    client = Client(daemon.url, None)
    with contextlib.closing(client):
        sensor = client.post("/api/v1/sensors", {"tipo": "t", "modelo": "m", "nombre": "bathroom"})["id"]
        odd = {"sensor_id": sensor, "tipo": "patron_inusual", "explicacion": "Raro.", "explicacion_en": "It is odd."}
        number = client.post("/api/v1/anomalies", odd)["id"]
    shown = good(asked("anomalies", "--open", "--sensor", "bathroom"))
    assert "unusual pattern" in shown
    assert "It is odd." in shown
    assert good(asked("anomalies", "resolve", str(number), "--false")) == (
        f"anomaly {number} is resolved, false alarm: It is odd.\n"
    )
    assert "real" in good(asked("anomalies", "resolve", str(number), "--true"))
    assert "real" in good(asked("anomalies", "resolve", str(number)))
    rows = json.loads(good(asked("anomalies", "--json", "-n", "1")))
    assert [(row["id"], row["estado"], row["veredicto"]) for row in rows] == [(number, "resuelta", "cierta")]
    assert asked("anomalies", "--open", "--sensor", "bathroom").err == "none is open\n"
    assert asked("anomalies", "resolve", "12345678").err == "sereno: there is no anomaly 12345678\n"


def test_train_starts_fits(asked: Command) -> None:
    assert "fit" in good(asked("train"))
    assert asked("train", "--sensor", "nothing").code == 1


def test_a_second_daemon_is_told_who_has_the_folder(daemon: RunningDaemon) -> None:
    done = daemon.sereno("run")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"(pid {daemon.process.pid})" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_accounts_can_be_made_while_it_runs_but_the_schema_not_changed(asked: Command) -> None:
    good(asked("user", "add", "eva", "--role", "viewer", "--password-stdin", stdin="long enough\n"))
    assert "eva" in good(asked("user", "list"))
    assert asked("db", "upgrade").code == 1
    good(asked("db", "backup"))


def test_a_taken_port_names_its_owner(daemon: RunningDaemon, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        path = tmp_path / "config.yaml"
        path.write_text(f"server: {{port: {taken.getsockname()[1]}}}\nbroker: {{embedded: false}}")
        done = daemon.sereno("run", "--config", str(path), "--state-dir", str(tmp_path / "state"))
    assert done.returncode == 1
    assert f"(pid {os.getpid()})" in done.stderr


def test_secured_mode_asks_commands_for_a_token(tmp_path: Path) -> None:
    with running(tmp_path, OPEN.replace("PAST", str(tmp_path / "none.csv")) + "auth: {mode: secured}\n") as daemon:
        done = daemon.sereno("status")
        assert done.returncode == 1
        assert "put a token into SERENO_TOKEN" in done.stderr
        good(daemon.sereno("user", "add", "ana", "--role", "operator", "--password-stdin", stdin="long enough\n"))
        daemon.environ["SERENO_TOKEN"] = good(daemon.sereno("token", "ana", "--days", "1")).strip()
        # The daemon notices an account within a second of its making.
        while (done := daemon.sereno("status", "--json")).returncode:
            assert daemon.process.poll() is None
        assert json.loads(done.stdout)["mode"] == "secured"
        assert "✗" not in good(daemon.sereno("tester", "--once"))
        assert daemon.stop() == 0
