"""Listening on this machine: who holds a TCP port, as far as /proc tells, and how a listener is reached."""

import errno
import socket
from pathlib import Path

PROC = Path("/proc")
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - replaced, not bound
_LISTEN = "0A"  # TCP_LISTEN in net/tcp_states.h


def near(host: str) -> str:
    """The address by which this machine itself reaches what listens at ``host``, be that every address it has."""
    return _ANYWHERE.get(host, host)


def is_free(host: str, port: int) -> bool:
    """Could we listen there? False where another does, raises OSError where the address is not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def owner(port: int, proc: Path = PROC) -> tuple[int, str] | None:
    """Pid and name of a process that listens on ``port``; None where nobody does or we may not see who."""
    inodes = _listeners(port, proc)
    if not inodes:
        return None
    for folder in proc.glob("[0-9]*"):
        try:
            for descriptor in (folder / "fd").iterdir():
                if str(descriptor.readlink()) in inodes:
                    return int(folder.name), (folder / "comm").read_text().strip()
        except OSError:
            continue  # it ended meanwhile, or it is another user's
    return None


def described_owner(port: int) -> str:
    """``nginx (pid 812)``, or what else can be said."""
    found = owner(port)
    return f"{found[1]} (pid {found[0]})" if found else "another program (`sudo ss -ltnp` tells which)"


def _listeners(port: int, proc: Path) -> set[str]:
    """``socket:[inode]`` of every socket that listens on the port; see the kernel's proc_net_tcp.txt."""
    found = set()
    for name in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / name).read_text().splitlines()[1:]
        except FileNotFoundError:
            continue
        for fields in map(str.split, lines):
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found
