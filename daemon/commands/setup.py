"""Before the daemon runs and around it: ``init``, ``check``, ``doctor`` and ``db``."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from daemon import config_sources, doctor, state
from daemon.commands.console import print_json, say, size, tell
from daemon.commands.place import enter, password_of, prepared
from daemon.config import Config, load
from daemon.errors import ConfigFaults, SerenoError
from daemon.resources import resource
from drivers.mqtt_settings import is_loopback


def init(target: Path) -> None:
    """Write the commented configuration; what is there already is never touched."""
    text = resource("config.yaml").read_bytes()
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    except FileExistsError:
        raise SerenoError(f"{target} is there already and stays as it is; give another path, or move it away") from None
    except OSError as error:
        raise SerenoError(f"{target} cannot be written: {error.strerror}; give another path") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
    say(f"{target} written; sereno check {target} validates it, sereno run --config {target} uses it")


def check(path: Path | None, environ: Mapping[str, str] = os.environ) -> None:
    """Validate the configuration and say what it amounts to; raises ConfigFaults with every fault."""
    config = load(path, environ)
    file = config_sources.find(path, environ)
    drivers = ", ".join(f"{driver.name} ({driver.type})" for driver in config.drivers) or "none"
    tell(f"✓ {file or 'the defaults'}: {config.server.host}:{config.server.port}, {config.auth.mode}", "green")
    tell(f"  drivers: {drivers}")
    if config.broker.embedded:
        tell(f"  broker: {config.broker.host}:{config.broker.port}")
    for warning in warnings(config):
        say(f"! {warning}", "yellow")


def warnings(config: Config) -> list[str]:
    """What is allowed and yet should be known."""
    found = []
    if not is_loopback(config.server.host):
        found.append(
            f"server.host {config.server.host}: passwords and tokens cross the network unencrypted;"
            " put a proxy with TLS in front where others listen in"
        )
    found += [f"driver {driver.name}: {caution}" for driver in config.drivers for caution in driver.cautions()]
    if not config.drivers:
        found.append("no drivers: readings come in over REST only")
    return found


def examine(config_path: Path | None, state_dir: Path | None, *, as_json: bool) -> bool:
    """Show every finding of the doctor; True if none is a fault."""
    faults: tuple[object, ...] = ()
    config = None
    try:
        config = load(config_path, os.environ)
    except ConfigFaults as error:
        faults = error.faults
    found = [doctor.Finding("fault", "configuration", str(fault), "sereno check tells all faults") for fault in faults]
    found += doctor.examine(doctor.Patient(config, state.resolve(state_dir, os.environ)))
    if as_json:
        print_json([asdict(finding) for finding in found])
    else:
        marks = {"ok": ("✓", "green"), "hint": ("!", "yellow"), "fault": ("✗", "red")}
        for finding in found:
            mark, style = marks[finding.level]
            tell(f"{mark} {finding.subject}: {finding.text}", style if finding.cure else "")
            if finding.cure:
                tell(f"    {finding.cure}")
    return all(finding.level != "fault" for finding in found)


def upgrade(config_path: Path | None, state_dir: Path | None) -> None:
    """Bring the database to this version's schema, which ``run`` does too; a copy is kept first."""
    config, folder = enter(config_path, state_dir)
    database, done = prepared(config, folder)
    database.close()
    if done.moved_aside:
        say(f"the database was damaged ({done.damage}) and lies now at {done.moved_aside}", "red")
    if done.upgraded_from is None:
        tell("the schema is this version's", "green")
    else:
        kept = f"; the database as it was: {done.copied_to}" if done.copied_to else ""
        tell(f"upgraded from {done.upgraded_from}{kept}", "green")


def backup(config_path: Path | None, state_dir: Path | None, target: Path | None) -> None:
    """A consistent copy of the database, while the daemon runs or not."""
    from daemon.backup import backup as copy_database
    from daemon.database import DatabaseFaultError, resolve

    config, folder = enter(config_path, state_dir)
    url = resolve(config.database.url, folder.path)
    on_sqlite = url.get_backend_name() == "sqlite"
    database = Path(str(url.database)) if on_sqlite else folder.path / f"{url.database}.dump"
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    copy = target or database.with_name(f"{database.stem}-{stamp}-backup{database.suffix}")
    try:
        copy_database(config.database.url, folder.path, copy, password_of(config))
    except DatabaseFaultError as error:
        raise SerenoError(str(error)) from error
    tell(f"{copy} ({size(copy.stat().st_size)})", "green")
