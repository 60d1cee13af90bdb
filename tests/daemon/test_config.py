"""What the person who writes a configuration is promised: every fault, where it is and how to mend it."""

from datetime import timedelta
from pathlib import Path

import pytest

from daemon.config import Config, load
from daemon.errors import ConfigFaults
from daemon.resources import resource

SECRET = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No config.yaml and no .env of the machine under test, where sereno may be installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("daemon.config_sources.SYSTEM_CONFIG", tmp_path / "missing.yaml")


def write(tmp_path: Path, text: str | bytes, name: str = "config.yaml") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def faults(path: Path | None, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigFaults) as caught:
        load(path, environ or {})
    assert caught.value.exit_code == 78
    return [str(fault) for fault in caught.value.faults]


def test_no_file_means_the_defaults_and_they_are_the_sample(tmp_path: Path) -> None:
    sample = write(tmp_path, resource("config.yaml").read_bytes(), "sample.yaml")
    assert load(None, {}) == load(sample, {})
    assert [driver.name for driver in load(None, {}).drivers] == ["mqtt"]


def test_of_a_wrong_item_only_what_items_may_be_is_said(tmp_path: Path) -> None:
    [fault] = faults(write(tmp_path, "risks: {watch: [frost, lightning]}"))
    allowed = "frost, condensation, mould, drought"
    assert fault.endswith(f'config.yaml:1:24 risks.watch[1]: "lightning" is none of {allowed}')


def test_a_limit_s_bounds_and_the_farthest_horizon(tmp_path: Path) -> None:
    bounds = "{name: fridge, sensor: a, quantity: temperature, below: 2, above: 8}"
    ends = "{name: all, sensor: a, quantity: humidity, below: 0, above: 100}"
    forecast = load(write(tmp_path, f"forecast: {{horizons: [5min, 2d], limits: [{bounds}, {ends}]}}"), {}).forecast
    assert [(limit.below, limit.above) for limit in forecast.limits] == [(2, 8), (0, 100)]
    assert forecast.horizons[1] == timedelta(days=2)


def test_without_an_embedded_broker_nothing_listens_to_it(tmp_path: Path) -> None:
    assert load(write(tmp_path, "broker: {embedded: false}"), {}).drivers == []


def test_a_section_with_all_its_keys_commented_out_is_the_default(tmp_path: Path) -> None:
    assert load(write(tmp_path, "server:\n  # port: 1\ndrivers:\nlog:\n"), {}) == Config()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("server: {port: fast}", 'config.yaml:1:10 server.port: "fast" is not a whole number; 8000 is usual'),
        ("server:\n  port: 0", "config.yaml:2:3 server.port: 0 is too small; at least 1; 8000 is usual"),
        ("server:\n  port: 65536", "config.yaml:2:3 server.port: 65536 is too large; at most 65535; 8000 is usual"),
        ("server:\n  prot: 1", 'config.yaml:2:3 server.prot: unknown key; did you mean "port"?'),
        ("sever: {}", 'config.yaml:1:1 sever: unknown section; did you mean "server"?'),
        ("server: 8000", "config.yaml:1:1 server: 8000 stands where keys belong;"),
        ("server: {names: pi.lan}", 'config.yaml:1:10 server.names: "pi.lan" is not a list; write ["pi.lan"]'),
        ("server: {names: [pi.lan, 7]}", "config.yaml:1:26 server.names[1]: 7 is not a text; put it in quotes"),
        ("server: {names: ['http://pi']}", 'config.yaml:1:18 server.names[0]: "http://pi" is not a host name'),
        ("server: {cors_origins: ['*']}", 'server.cors_origins[0]: "*" is not an origin; write "null" or http://'),
        ("server: {cors_origins: ['http://a/']}", '"http://a/" is not an origin'),
        ("auth: {mode: opne}", 'auth.mode: "opne" is none of open, secured; open is usual'),
        ("auth: {token_lifetime: soon}", "auth.token_lifetime: 'soon' is not a duration; write 5s, 10min, 2h or 90d"),
        ("auth: {key: short}", "config.yaml:1:8 auth.key: the key has fewer than 32 characters"),
        ("database: {sync_interval: 21s}", "database.sync_interval: 21s is too large; at most 20"),
        ("database: {url: mysql://a/b}", 'database.url: "mysql://…" is not a database; write sqlite:///'),
        ("websocket: {ping_interval: .nan}", "websocket.ping_interval: NaN is"),
        ("websocket: {ping_timeout: yes}", "websocket.ping_timeout: true is not a number"),
        ("forecast: {horizons: []}", "forecast.horizons: a list has too few items; at least 1"),
        ("forecast: {horizons: [1h, 60min]}", "forecast.horizons: one horizon stands twice"),
        ("forecast: {horizons: [5min, 15min]}", "forecast.horizons: one horizon stands twice"),
        ("forecast: {horizons: [1h, 62min]}", "forecast.horizons: one horizon stands twice"),
        (
            "forecast: {limits: [{name: ice, sensor: freezer, quantity: temperature}]}",
            'config.yaml:1:21 forecast.limits[0]: "ice" has no bound; write above: or below: and a value in °C or %',
        ),
        (
            "forecast: {limits: [&a {name: ice, sensor: a, quantity: humidity, above: 1}, *a]}",
            'forecast.limits: "ice" stands twice; names are unique',
        ),
        ("forecast: {limits: [{name: a, sensor: b, quantity: pressure, above: 1}]}", "forecast.limits[0].quantity"),
        ("forecast: {limits: [{name: a, sensor: b, quantity: humidity, above: .nan}]}", "forecast.limits[0].above"),
        (
            "forecast: {limits: [{name: a, sensor: b, quantity: humidity, above: 130}]}",
            "config.yaml:1:62 forecast.limits[0].above: 130 % is no humidity; write 0 to 100",
        ),
        (
            "forecast: {limits: [{name: a, sensor: b, quantity: humidity, below: -1.5, above: 60}]}",
            "config.yaml:1:62 forecast.limits[0].below: -1.5 % is no humidity; write 0 to 100",
        ),
        (
            "forecast:\n  limits:\n    - {name: b, sensor: b, quantity: temperature, below: 1, above: 2500}",
            "config.yaml:3:61 forecast.limits[0].above: 2500 °C is beyond what sensors measure; write -100 to 200",
        ),
        (
            "forecast: {limits: [{name: a, sensor: b, quantity: temperature, below: -273}]}",
            "forecast.limits[0].below: -273 °C is beyond what sensors measure; write -100 to 200",
        ),
        (
            "forecast: {limits: [{name: a, sensor: b, quantity: temperature, below: 8, above: 2}]}",
            "config.yaml:1:65 forecast.limits[0].below: 8 is not less than above: 2; what lies between them is allowed",
        ),
        (
            "forecast: {limits: [{name: a, sensor: b, quantity: humidity, below: 8, above: 8}]}",
            "forecast.limits[0].below: 8 is not less than above: 8",
        ),
        ("forecast: {horizons: [7d]}", "forecast.horizons[0]: 7d is too large; at most 2d"),
        ("forecast: {horizons: [1s]}", "config.yaml:1:23 forecast.horizons[0]: 1s is too small; at least 5min"),
        ("anomaly: {enabled: perhaps}", 'anomaly.enabled: "perhaps" is neither true nor false; true is usual'),
        ("log: {level: 2025-01-01}", 'log.level: "2025-01-01" is none of debug, info'),
        ("drivers: mqtt", "config.yaml:1:1 drivers: is not a list; begin each driver with a dash"),
        ("drivers: [mqtt]", "config.yaml:1:11 drivers[0]: is not a driver; write its keys"),
        (
            "drivers:\n  - name: a",
            "config.yaml:2:5 drivers[0].type: is missing; there are mqtt, serial, modbus, replay",
        ),
        ("drivers:\n  - {name: a, type: seral}", 'drivers[0].type: "seral" is no driver; did you mean "serial"?'),
        ("drivers:\n  - {type: serial, port: /dev/x}", "config.yaml:2:5 drivers[0].name: is missing: names the driver"),
        (
            "drivers:\n  - name: bench\n    type: serial\n    port: /dev/ttyUSB0\n    baudrate: fast",
            'config.yaml:5:5 drivers[0].baudrate: "fast" is not a whole number; 9600 is usual',
        ),
        (
            "drivers:\n  - {name: a, type: serial, port: /dev/x, bautrate: 9600}",
            'config.yaml:2:43 drivers[0].bautrate: unknown key; did you mean "baudrate"?',
        ),
        ("drivers:\n  - {name: a b, type: serial, port: /dev/x}", 'drivers[0].name: "a b" is not a name; 1 to 64'),
        (
            "drivers:\n  - {name: a, type: serial, port: /dev/x}\n  - {name: a, type: serial, port: /dev/y}",
            'config.yaml:3:6 drivers[1].name: "a" is already the name of drivers[0]; names are unique',
        ),
        (
            "broker: {embedded: false}\ndrivers: [{name: m, type: mqtt, url: embedded}]",
            "config.yaml:2:33 drivers[0].url: embedded needs broker.embedded: true",
        ),
        ("server: {host: 0.0.0.0}", 'server.host: "0.0.0.0" would let everyone on the network in without a password'),
        ("server: {host: '::'}", 'server.host: "::" would let everyone'),
        ("server: {host: pi.lan}", 'server.host: "pi.lan" would let everyone'),
        (
            "broker: {host: 0.0.0.0}",
            'config.yaml:1:10 broker.host: "0.0.0.0" would let everyone on the network publish',
        ),
        (
            "broker: {users: [{name: a}]}",
            'config.yaml:1:18 broker.users[0]: "a" has neither password nor password_file',
        ),
        (
            'broker: {users: [{name: "a b"}]}',
            'broker.users[0].name: "a b" is not a user name; write it without colons and',
        ),
        ("server: {port: 1883}", "broker.port: 1883 is the web server's port too"),
        ("server: {port: 1}\nserver: {port: 2}", "config.yaml:2:1 server: stands here a second time (first in line 1)"),
        ("server:\n  port: 1\n  port: 2", "config.yaml:3:3 server.port: stands here a second time"),
        ("server: [", "config.yaml:1:10 not YAML: "),
        ("server: {port: 1", "config.yaml:1:17 not YAML: "),
        ("\tserver: 1", "config.yaml:1:1 not YAML: found character '\\t' that cannot start any token"),
        ("a: 1\nserver: x: y", "config.yaml:2:10 not YAML: mapping values are not allowed here"),
        ("", "config.yaml:1:1 the file is empty; `sereno init` writes a commented one"),
        ("# nothing but a comment\n", "config.yaml:1:1 the file is empty"),
        ("- a\n- b", "config.yaml:1:1 a configuration is made of sections"),
        ("just words", "config.yaml:1:1 a configuration is made of sections"),
        (b"log: {}\n# gr\xfc\xdfe", "config.yaml:2:5 byte 0xFC is not UTF-8; save the file as UTF-8"),
        ("log: {}\na: \x07", "config.yaml:2:4 character U+0007 is not allowed; remove it"),
        ("log: &a [*a]", "an alias that contains itself"),
        ("log: {level: !!python/name:os.system x}", "cannot be read; put it in quotes if it is a text"),
        ("log: {level: 2025-02-30}", "cannot be read; put it in quotes if it is a text"),
    ],
)
def test_a_fault_says_where_it_is_and_how_to_mend_it(tmp_path: Path, text: str | bytes, expected: str) -> None:
    assert expected in "\n".join(faults(write(tmp_path, text)))


def test_every_fault_is_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
log: {level: loud}
server:
  host: 0.0.0.0
  prot: 8000
drivers:
  - {name: a, type: serial, port: /dev/x, baudrate: quick}
  - {name: b, type: sereal}
database: {sync_interval: never}
"""
    found = faults(write(tmp_path, text), {"SERENO__SENSORS__MAX": "0", "WEBSOCKET_PING_TIMEOUT": "ten"})
    assert [fault.split()[0] for fault in found] == [
        "config.yaml:1:7",
        "config.yaml:4:3",
        "config.yaml:6:43",
        "config.yaml:7:15",
        "config.yaml:8:12",
        "SERENO__SENSORS__MAX",
        "WEBSOCKET_PING_TIMEOUT",
    ]


def test_a_fault_in_one_section_hides_no_contradiction_of_others(tmp_path: Path) -> None:
    found = faults(write(tmp_path, "log: {level: loud}\nserver: {host: 0.0.0.0}"))
    assert len(found) == 2


def test_aliases_cannot_blow_up(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "aliases make too many values" in "\n".join(faults(write(tmp_path, "\n".join(lines))))


def test_a_missing_file_and_a_wrong_one_are_faults(tmp_path: Path) -> None:
    assert "cannot be read: No such file or directory" in faults(tmp_path / "none.yaml")[0]
    assert "larger than 1 MiB" in faults(write(tmp_path, b"#" * (2 << 20)))[0]


def test_the_search_order(tmp_path: Path) -> None:
    named = write(tmp_path, "server: {port: 1001}", "named.yaml")
    variable = write(tmp_path, "server: {port: 1002}", "variable.yaml")
    environ = {"SERENO_CONFIG": str(variable)}
    write(tmp_path, "server: {port: 1003}")
    assert load(named, environ).server.port == 1001
    assert load(None, environ).server.port == 1002
    assert load(None, {}).server.port == 1003
    assert load(None, environ, search=False).server.port == 8000


def test_variables_beat_dotenv_which_beats_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "server: {port: 1001}\nlog: {level: error}\nsensors: {max: 5}")
    write(tmp_path, "SERENO__SERVER__PORT=1002\nSERENO__LOG__LEVEL=debug\nPATH=/elsewhere\n", ".env")
    config = load(path, {"SERENO__SERVER__PORT": "1003"})
    assert (config.server.port, config.log.level, config.sensors.max) == (1003, "debug", 5)


def test_dotenv_beside_the_file_counts_too(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    write(folder, "WEBSOCKET_MAX_CONNECTIONS=7\n", ".env")
    assert load(write(folder, "log: {}"), {}).websocket.max_connections == 7


def test_the_three_websocket_variables_beat_everything(tmp_path: Path) -> None:
    path = write(tmp_path, "websocket: {max_connections: 1, ping_interval: 1, ping_timeout: 1}")
    environ = {
        "SERENO__WEBSOCKET__MAX_CONNECTIONS": "2",
        "WEBSOCKET_MAX_CONNECTIONS": "3",
        "WEBSOCKET_PING_INTERVAL": "4.5",
        "WEBSOCKET_PING_TIMEOUT": "5",
    }
    websocket = load(path, environ).websocket
    assert (websocket.max_connections, websocket.ping_interval, websocket.ping_timeout) == (3, 4.5, 5)


def test_lists_drivers_and_whole_sections_can_be_set_from_outside(tmp_path: Path) -> None:
    path = write(tmp_path, "drivers: [{name: a, type: serial, port: /dev/x}]")
    environ = {
        "SERENO__FORECAST__HORIZONS": "[15min, 2h]",
        "SERENO__DRIVERS__0__BAUDRATE": "115200",
        "SERENO__DRIVERS__1": "{name: b, type: serial, port: /dev/y}",
        "SERENO__DATABASE__PASSWORD": "12345",
    }
    config = load(path, environ)
    assert config.forecast.horizons == [timedelta(minutes=15), timedelta(hours=2)]
    assert [driver.name for driver in config.drivers] == ["a", "b"]
    assert config.drivers[0].model_dump()["baudrate"] == 115200
    assert config.database.password is not None
    assert config.database.password.get_secret_value() == "12345"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SERENO__SERVER__PORT", "fast", 'SERENO__SERVER__PORT server.port: "fast" is not a whole number'),
        ("SERENO__SERVER__PROT", "1", 'SERENO__SERVER__PROT server.prot: unknown key; did you mean "port"?'),
        ("SERENO__LOGG__LEVEL", "info", 'SERENO__LOGG__LEVEL logg: unknown section; did you mean "log"?'),
        ("SERENO__DRIVERS__5__PORT", "x", "SERENO__DRIVERS__5__PORT drivers[5].port: there is no such place"),
        ("SERENO__LOG__LEVEL__DEEPER", "x", "SERENO__LOG__LEVEL__DEEPER log.level"),
        ("SERENO__SERVER", "8000", "SERENO__SERVER server: "),
        ("SERENO__", "x", "unknown section"),
        ("WEBSOCKET_MAX_CONNECTIONS", "0", 'WEBSOCKET_MAX_CONNECTIONS websocket.max_connections: "0" is too small'),
        ("SERENO__AUTH__KEY", SECRET[:20], "SERENO__AUTH__KEY auth.key: the key has fewer than 32 characters"),
    ],
)
def test_a_fault_of_a_variable_names_the_variable(name: str, value: str, expected: str) -> None:
    assert expected in "\n".join(faults(None, {name: value}))


def test_a_line_of_dotenv_that_is_none_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path, "SERENO__LOG__LEVEL=info\nthis is no 'variable\n", ".env")
    assert ".env:2 " in faults(None)[0]


def test_secrets_come_from_files_of_ones_own(tmp_path: Path) -> None:
    secret = write(tmp_path, f"{SECRET}\n", "db.secret")
    secret.chmod(0o600)
    path = write(
        tmp_path,
        "database: {password_file: db.secret}\n"
        "broker: {host: 0.0.0.0, users: [{name: a, password_file: db.secret}]}\n"
        "drivers: [{name: m, type: mqtt, url: 'mqtt://h', username: u, password_file: db.secret}]",
    )
    config = load(path, {})
    driver = config.drivers[0].model_dump()
    passwords = [config.database.password, config.broker.users[0].password, driver["password"]]
    assert [one.get_secret_value() if one else None for one in passwords] == [SECRET] * 3
    assert SECRET not in repr(config)


@pytest.mark.parametrize(
    ("mode", "content", "expected"),
    [
        (0o644, SECRET, "can be read by others; chmod 600"),
        (0o600, "", "holds no secret"),
        (0o600, "\xff", "holds no secret"),
        (0o600, "x" * 20_000, "holds no secret"),
    ],
)
def test_a_file_that_keeps_no_secret_is_refused(tmp_path: Path, mode: int, content: str, expected: str) -> None:
    write(tmp_path, content.encode("latin-1"), "db.secret").chmod(mode)
    path = write(tmp_path, "database:\n  password_file: db.secret")
    assert f"config.yaml:2:3 database.password_file: {tmp_path}/db.secret {expected}" in faults(path)[0]


def test_a_missing_secret_and_one_given_twice(tmp_path: Path) -> None:
    path = write(
        tmp_path, "database: {password_file: nowhere}\nauth: {key: 01234567890123456789012345678901, key_file: x}"
    )
    first, second = faults(path)
    assert "nowhere cannot be read: No such file or directory" in first
    assert "auth.key" in second


def test_a_drivers_files_lie_beside_the_configuration_as_its_secrets_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    path = write(
        folder,
        "drivers:\n"
        "  - {name: a, type: mqtt, url: 'mqtts://h', ca_file: ca.pem, certificate_file: /c.pem, key_file: ~/k.pem}\n"
        "  - {name: b, type: replay, path: past.csv}\n",
    )
    monkeypatch.setenv("HOME", "/home/ana")
    broker, past = (dict(driver) for driver in load(path, {}).drivers)
    files = [broker["ca_file"], broker["certificate_file"], broker["key_file"], past["path"]]
    assert files == [folder / "ca.pem", Path("/c.pem"), Path("/home/ana/k.pem"), folder / "past.csv"]


def test_what_systemd_hands_over_is_ours_whatever_its_mode(tmp_path: Path) -> None:
    write(tmp_path, SECRET, "db").chmod(0o440)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "SERENO__DATABASE__PASSWORD_FILE": str(tmp_path / "db")}
    assert load(None, environ).database.password is not None


def test_no_fault_shows_a_secret(tmp_path: Path) -> None:
    text = f"""\
database: {{password: [{SECRET}], url: 'mysql://u:{SECRET}@h/d'}}
broker: {{users: [{{name: a, password: 7}}]}}
"""
    shown = "\n".join(faults(write(tmp_path, text)))
    assert SECRET not in shown
    assert "put it in quotes" in shown


def test_open_mode_beyond_loopback_names_both_ways_out(tmp_path: Path) -> None:
    (fault,) = faults(write(tmp_path, "server: {host: 192.168.1.5}"))
    assert "keep 127.0.0.1" in fault
    assert "sereno user add" in fault
    assert "secured" in fault


def test_loopback_has_many_names(tmp_path: Path) -> None:
    for host in ("127.0.0.1", "127.8.8.8", "localhost", "'::1'"):
        load(write(tmp_path, f"server: {{host: {host}}}"), {})


def test_secured_mode_may_listen_anywhere(tmp_path: Path) -> None:
    assert load(write(tmp_path, "server: {host: 0.0.0.0}\nauth: {mode: secured}"), {}).server.host == "0.0.0.0"
