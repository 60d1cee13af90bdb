"""A Modbus transmitter at the other end of a pty: answers what it is asked, as ``answer`` says."""

import asyncio
import os
import tty
from collections.abc import Callable
from pathlib import Path

from drivers.modbus_frames import BusFramer, Request, sealed


def registers(request: Request, *words: int) -> bytes:
    """The reply with these registers."""
    body = b"".join((word & 0xFFFF).to_bytes(2, "big") for word in words)
    return sealed(bytes((request.unit, request.function, len(body))) + body)


class Bus:
    """The device's end, read in the running loop; ``answer`` gives the bytes, b"" for silence."""

    def __init__(self, path: Path, answer: Callable[[Request], bytes]) -> None:
        self.path = path
        self.answer = answer
        self.asked: list[Request] = []
        # The other end stays open, so that the pty lives while no driver has it.
        self.master, self._held = os.openpty()
        tty.setraw(self._held)
        path.symlink_to(os.ttyname(self._held))

    def listen(self) -> None:
        asyncio.get_running_loop().add_reader(self.master, self._on_readable)

    def unplug(self) -> None:
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)
        os.close(self._held)

    def _on_readable(self) -> None:
        for request in BusFramer().feed(os.read(self.master, 4096)):
            if isinstance(request, Request):
                self.asked.append(request)
                os.write(self.master, self.answer(request))
