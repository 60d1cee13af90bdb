"""What ends a command: one sentence that says what is wrong and what to do, and the exit code that goes with it.

Exit codes: 0 done, 1 anything that failed, 2 usage, 78 configuration (``EX_CONFIG`` of sysexits.h; the systemd unit
does not restart after it).
"""

from collections.abc import Sequence
from dataclasses import dataclass


class SerenoError(Exception):
    """Something that a person has to know and can mend."""

    exit_code = 1


class UsageError(SerenoError):
    """A command that was asked for something it does not take."""

    exit_code = 2


class ConfigurationError(SerenoError):
    """Something that no further start can get past: a person has to change what is installed or configured."""

    exit_code = 78


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the configuration. ``where`` is ``file:line:column`` or a variable's name, ``path`` the key."""

    where: str
    path: str
    problem: str

    def __str__(self) -> str:
        return " ".join(part for part in (self.where, f"{self.path}:" if self.path else "", self.problem) if part)


class ConfigFaults(ConfigurationError):  # noqa: N818 - it is what it holds
    """Every fault of a configuration, in the order of the file."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)
