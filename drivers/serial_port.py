"""A serial port: found, opened, read in the event loop, written, lost, closed."""

import asyncio
import errno
import os
import re
import select
import termios
from collections.abc import Callable
from typing import Any

from serial import Serial, SerialException
from serial.tools import list_ports

from drivers.base import DriverError

_USB_ID = re.compile(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?::(.+))?")
_CHUNK = 4096  # bytes: what the kernel's tty buffer holds


class SerialPort:
    """One port: ``on_data`` takes what is read, ``on_loss`` the sentence that says that it is gone.

    ``line`` are pyserial's settings (``baudrate``, ``parity``, ``stopbits``). ``path`` is where the port was found.
    """

    def __init__(
        self, port: str, *, on_data: Callable[[bytes], None], on_loss: Callable[[str], None], **line: Any
    ) -> None:
        self.path = port
        self._port = port
        self._line = line
        self._on_data = on_data
        self._on_loss = on_loss
        self._serial: Serial | None = None

    async def open(self) -> None:
        """Open it and read from now on; raises DriverError."""
        loop = asyncio.get_running_loop()
        # In a thread: a wedged USB adapter lets open() wait for seconds.
        opening = loop.run_in_executor(None, self._open)
        try:
            self._serial = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unwanted)
            raise
        loop.add_reader(self._serial.fileno(), self._on_readable, self._serial.fileno())

    def write(self, data: bytes) -> None:
        """Send a few bytes, as many as the port's buffer holds; a port that takes none is lost."""
        if self._serial is None:
            return
        try:
            os.write(self._serial.fileno(), data)
        except BlockingIOError:
            self._on_loss(f"{self.path} takes no more bytes: unplug the adapter and plug it in again")
        except OSError as fault:
            self._on_loss(_gone(self.path, fault))

    def stop_reading(self) -> None:
        """Read no more; the port stays open."""
        if self._serial is not None:
            asyncio.get_running_loop().remove_reader(self._serial.fileno())

    def close(self) -> None:
        """Stop and close, also what was never opened or is gone."""
        if self._serial is not None:
            self.stop_reading()
            _close(self._serial)
            self._serial = None

    def _open(self) -> Serial:
        self.path = find_port(self._port)
        try:
            return Serial(self.path, timeout=0, exclusive=True, **self._line)
        except (SerialException, OSError, ValueError, termios.error) as fault:
            raise _open_error(self.path, fault) from fault

    def _on_readable(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return
        except OSError as fault:
            self._on_loss(_gone(self.path, fault))
            return
        if data:
            self._on_data(data)
        elif _is_ready(descriptor):  # readable with nothing to read is how a tty says that it was hung up
            self._on_loss(f"{self.path} is gone: is it unplugged?")


def _gone(path: str, fault: OSError) -> str:
    return f"{path} is gone ({os.strerror(fault.errno or 0)}): is it unplugged?"


def find_port(port: str) -> str:
    """The path of a port named by path, ``VID:PID`` or ``VID:PID:serial number``; raises DriverError."""
    match = _USB_ID.fullmatch(port)
    if match is None:
        return port
    vendor, product, serial_number = int(match[1], 16), int(match[2], 16), match[3]
    paths = sorted(
        info.device
        for info in list_ports.comports()
        if (info.vid, info.pid) == (vendor, product) and serial_number in (None, info.serial_number)
    )
    if not paths:
        raise DriverError(f"no USB serial device {port} is plugged in: plug it in, or look for its id with lsusb")
    if len(paths) > 1:
        raise DriverError(
            f"{len(paths)} devices are {port} ({', '.join(paths)}): add the serial number, or name one by its path "
            "below /dev/serial/by-path"
        )
    return str(paths[0])


def _open_error(port: str, fault: Exception) -> DriverError:
    match _errno(fault):
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            return DriverError(f"{port} is not there: plug the device in, or look for its name in /dev/serial/by-id")
        case errno.EACCES | errno.EPERM:
            return DriverError(
                f"{port} may not be opened: let this user in with `sudo usermod -aG dialout $USER` and sign in again"
            )
        case errno.EAGAIN | errno.EBUSY:
            return DriverError(f"{port} is in use by another program: close that (a serial monitor, another sereno)")
        case errno.EIO:
            return DriverError(f"{port} does not answer: unplug the device and plug it in again")
        case errno.ENOTTY | errno.EISDIR:
            return DriverError(f"{port} is no serial port: name one, see /dev/serial/by-id", retryable=False)
        case errno.EINVAL | None:
            return DriverError(f"{port} refuses these settings: {fault}; 9600 baud is usual", retryable=False)
        case _:
            return DriverError(f"{port} cannot be opened: {fault}; unplug the device and plug it in again")


def _errno(fault: Exception) -> int | None:
    """pyserial hides termios.error, which is no OSError, behind a SerialException without a number."""
    for error in (fault, fault.__context__):
        if isinstance(error, OSError) and error.errno is not None:
            return error.errno
        if isinstance(error, termios.error):
            return int(error.args[0])
    return None


def _is_ready(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _close(port: Serial) -> None:
    try:
        port.close()
    except (OSError, termios.error):
        return  # the device is gone, and its descriptor with it


def _close_unwanted(opening: "asyncio.Future[Serial]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        _close(opening.result())
