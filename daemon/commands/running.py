"""``run``: everything is imported inside, after what makes importing cheaper."""

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
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
