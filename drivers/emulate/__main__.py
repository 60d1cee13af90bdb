"""The demo's devices as a process of their own: ``python -m drivers.emulate --broker mqtt://… --link PATH``.

It says ``ready`` once its port is there, and ends with the process that started it (``--parent``), on SIGTERM and on
SIGINT.
"""

import argparse
import ctypes
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from drivers.emulate.faults import Fault, FaultKind
from drivers.emulate.household import demo_household
from drivers.emulate.live import Emulator

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def parse_fault(text: str) -> Fault:
    """``KIND:DEVICE:BEGIN_US:END_US[:SIZE]``; raises ValueError."""
    kind, device, begins_at, ends_at, *size = text.split(":")
    return Fault(FaultKind(kind), device, int(begins_at), int(ends_at), *(float(part) for part in size))


def format_fault(fault: Fault) -> str:
    """What :func:`parse_fault` reads."""
    return f"{fault.kind}:{fault.device}:{fault.begins_at}:{fault.ends_at}:{fault.size}"


def _die_with(parent: int) -> None:
    """Ask the kernel for SIGTERM when the parent dies; Linux only, elsewhere the demo stops its child itself."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the kernel knew
            raise SystemExit(1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m drivers.emulate", description="Emulate the demo's devices.")
    parser.add_argument("--broker", required=True, help="mqtt://host:port")
    parser.add_argument("--link", required=True, type=Path, help="the symlink that becomes the Arduino's port")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1, help="divides the seconds between reports")
    parser.add_argument("--fault", type=parse_fault, action="append", default=[], metavar="KIND:DEVICE:BEGIN:END:SIZE")
    parser.add_argument("--parent", type=int, help="end when this process, which started this one, ends")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if options.parent is not None:
        _die_with(options.parent)
    household = demo_household(options.seed, options.fault, options.speed)
    with Emulator(household, url=options.broker, link=options.link) as emulator:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        emulator.run(stop)


if __name__ == "__main__":
    main()
