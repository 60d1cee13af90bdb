"""A serial cable that can be pulled: a pty behind a symlink, as a by-id link is while a device is plugged in."""

import os
from pathlib import Path

LINE = b"Humidity: 45.20%  Temperature: 23.10\xc2\xb0C 73.58\xc2\xb0F  Heat index: 22.65\xc2\xb0C 72.76\xc2\xb0F\r\n"
"""What DHTtester prints."""


class Cable:
    """The device's end: plugged in when made; ``path`` is the port."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.master: int | None = None
        self.plug()

    def plug(self) -> None:
        self.master, slave = os.openpty()
        self.path.symlink_to(os.ttyname(slave))
        os.close(slave)

    def unplug(self) -> None:
        if self.master is not None:
            os.close(self.master)
            self.master = None
            self.path.unlink()

    def write(self, data: bytes) -> None:
        assert self.master is not None
        os.write(self.master, data)
