"""``run``: everything is imported inside, after what makes importing cheaper."""

import ctypes
import gc
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def run(config_path: Path | None, state_dir: Path | None) -> int:
    """Run the daemon until it is told to stop; returns the exit code. Raises SerenoError before it could start."""
    with _hurry():
        from daemon import app, logs
        from daemon.commands.place import enter

        config, folder = enter(config_path, state_dir)
        logs.configure(config.log.level, config.log.format)
        return app.main(config, folder, os.environ)


def run_demo(config_path: Path | None, state_dir: Path | None, speed: float = 1) -> int:
    """Run the daemon beside emulated devices, in a folder of its own, on the next free ports.

    ``speed`` divides the seconds between the devices' reports.
    """
    with _hurry():
        from daemon import app, demo, logs, state
        from daemon.commands.console import say
        from daemon.config import load

        # What this machine is configured for is not the demo's: only a file that was named for it counts.
        base = load(config_path, os.environ, search=False)
        logs.configure(base.log.level, base.log.format)
        folder = state.prepare(state_dir or demo.default_folder(os.environ))
        with state.lock(folder):
            made = demo.prepare(folder.path, time.time_ns() // 1000, base, speed=speed)
        url = f"http://{made.config.server.host}:{made.config.server.port}"
        say(f"The demo: its devices are emulated, everything else is real. Open {url}", "bold")
        say(f"Or ask: {sys.argv[0]} status --url {url}. Ctrl-C ends it.", "dim")
        return app.main(made.config, folder, os.environ, made.devices)


@contextmanager
def _hurry() -> Iterator[None]:
    """Spare the start what takes a fifth of it: looking for garbage among modules, until app.main looks again."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # threads for matrices, which the daemon has none of
    _give_memory_back()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _give_memory_back() -> None:
    """Have glibc keep one heap for all threads and return what is free, as mallopt(3) has it: of a burst of readings
    nothing shall stay for the years that follow. Other C libraries have no such words, and need none.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        arena_max, mmap_threshold, trim_threshold = -8, -3, -1
        mallopt(arena_max, 1)
        mallopt(mmap_threshold, 64 * 1024)
        mallopt(trim_threshold, 64 * 1024)
