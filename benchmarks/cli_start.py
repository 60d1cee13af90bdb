"""What a command costs before it does anything: ``sereno --help`` against a bare typer program, and ``sereno status``.

    python benchmarks/cli_start.py

Processor seconds (user and system) of a process, the shortest of some runs: other tenants of the machine are left out.
"""

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from end_to_end import broker, running

BARE = """
import typer
app = typer.Typer()
@app.command()
def hello(name: str = "you") -> None:
    typer.echo(f"hello {name}")
app()
"""
RUNS = 10


def cost(*command: str) -> float:
    """Processor seconds of one command that ends well."""
    shortest = float("inf")
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"TERM": "dumb"})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        shortest = min(shortest, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return shortest


def main() -> None:
    sereno = str(Path(sys.executable).with_name("sereno"))
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        bare = Path(place) / "bare.py"
        bare.write_text(BARE)
        mqtt_port = stack.enter_context(broker(Path(place)))
        peer = stack.enter_context(running("sereno", mqtt_port, Path(place) / "daemon"))
        least = cost(sys.executable, str(bare), "--help")
        print(f"cli bare typer --help: {least * 1000:.0f} ms")
        for words in (["--help"], ["--version"], ["status", "--url", f"http://127.0.0.1:{peer.port}"]):
            took = cost(sereno, *words)
            print(f"cli sereno {words[0]}: {took * 1000:.0f} ms, ratio to bare typer --help {took / least:.2f}")


if __name__ == "__main__":
    main()
