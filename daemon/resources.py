"""Files that come with sereno: beside the code in a wheel (``daemon/data``), in the source root of a checkout."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def resource(name: str) -> Traversable:
    """``config.yaml`` or ``systemd/…``; raises FileNotFoundError where the installation lacks it."""
    for root in (files("daemon") / "data", Path(__file__).parent.parent):
        if (found := root.joinpath(*name.split("/"))).is_file():
            return found
    raise FileNotFoundError(f"{name} is missing in this installation; install sereno again")
