"""From a broker's address to a connected socket, and what to say where there is none.

Everything here may block, or names the cure for what blocked.
"""

import asyncio
import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path

from paho.mqtt.reasoncodes import ReasonCode

from drivers.base import DriverError
from drivers.mqtt_settings import Endpoint

CONNECT_TIMEOUT = 10.0
"""Seconds for name look-up, TCP and TLS together, and again for the broker's answer."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which broker, as whom, and what is asked of it; durations in s."""

    endpoint: Endpoint
    client_id: str
    keepalive: int
    session_expiry: int
    window: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    insecure: bool = False

    def __str__(self) -> str:
        return f"{self.endpoint} as {self.username}" if self.username else f"{self.endpoint} without a user"


class VersionRefusedError(DriverError):
    """The broker does not speak the MQTT version that was asked for, or hung up on it."""


async def reach(target: Target) -> socket.socket:
    """A connected socket, made in a thread of its own: a name server may hang longer than anybody waits for it,
    and the threads of a pool would hold up the exit. Raises DriverError."""
    loop = asyncio.get_running_loop()
    reached: asyncio.Future[socket.socket] = loop.create_future()

    def settle(outcome: socket.socket | Exception) -> None:
        if isinstance(outcome, Exception):
            if not reached.done():
                reached.set_exception(outcome)
        elif reached.done():
            outcome.close()  # too late
        else:
            reached.set_result(outcome)

    def work() -> None:
        outcome: socket.socket | Exception
        try:
            outcome = _connect(target)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            outcome = error
        try:
            loop.call_soon_threadsafe(settle, outcome)
        except RuntimeError:  # the loop is closed
            if isinstance(outcome, socket.socket):
                outcome.close()

    threading.Thread(target=work, name="mqtt-connect", daemon=True).start()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await reached
    except (OSError, ValueError) as error:
        raise _explain(error, target) from error


def _connect(target: Target) -> socket.socket:
    endpoint = target.endpoint
    context = _tls_context(target) if endpoint.tls else None
    plain = socket.create_connection((endpoint.host, endpoint.port), timeout=CONNECT_TIMEOUT)
    try:
        return context.wrap_socket(plain, server_hostname=endpoint.host) if context is not None else plain
    except BaseException:
        plain.close()
        raise


def _tls_context(target: Target) -> ssl.SSLContext:
    """TLS 1.2 or newer with the certificate checked, unless the settings say otherwise for loopback."""
    context = ssl.create_default_context()
    if target.ca_file is not None:
        try:
            context.load_verify_locations(target.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise DriverError(f"ca_file {target.ca_file} cannot be used: {error}", retryable=False) from error
    if target.certificate_file is not None:
        try:
            context.load_cert_chain(target.certificate_file, target.key_file)
        except (OSError, ssl.SSLError) as error:
            raise DriverError(
                f"certificate_file {target.certificate_file} with key_file {target.key_file} cannot be used: {error}",
                retryable=False,
            ) from error
    if target.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _explain(error: Exception, target: Target) -> DriverError:
    """Why there is no connection, and the cure."""
    endpoint = target.endpoint
    match error:
        case ssl.SSLCertVerificationError():
            return DriverError(
                f"{endpoint} shows a certificate that is not trusted ({error.verify_message}): "
                "give its authority in ca_file, and use the host name that the certificate is for",
                retryable=False,
            )
        case ssl.SSLError() if "WRONG_VERSION" in (error.reason or "") or "RECORD_LAYER" in (error.reason or ""):
            return DriverError(
                f"{endpoint} does not speak TLS: use mqtt://, or the broker's TLS port (usually 8883)", retryable=False
            )
        case ssl.SSLError():
            return DriverError(f"TLS with {endpoint} failed ({error.reason or error}): check the certificates")
        case ConnectionResetError() if endpoint.tls:
            return DriverError(f"{endpoint} hung up on the TLS handshake: is this its TLS port (usually 8883)?")
        case socket.gaierror():
            return DriverError(f"the host {endpoint.host} is not found ({error.strerror}): check its name and the DNS")
        case ConnectionRefusedError():
            return DriverError(f"nothing listens at {endpoint}: is the broker running, and is this its port?")
        case TimeoutError():
            return DriverError(f"{endpoint} does not answer within {CONNECT_TIMEOUT:.0f} s: check address and firewall")
        case _:
            return DriverError(f"{endpoint} cannot be reached: {error}")


def refused(reason: ReasonCode, target: Target) -> DriverError:
    """What the broker's refusal of a CONNECT means; MQTT 3.1.1's codes come as those of MQTT 5."""
    match reason.value:
        case 0x84:
            return VersionRefusedError(f"{target.endpoint} refuses this MQTT version", retryable=False)
        case 0x86 | 0x87 | 0x8A:
            return DriverError(
                f"{target} was refused by the broker ({reason.getName()}): check username and password_file of this "
                "driver, and the broker's accounts",
                retryable=False,
            )
        case 0x85:
            return DriverError(f"{target.endpoint} refuses the client id {target.client_id}", retryable=False)
        case _:
            return DriverError(f"{target.endpoint} refused the connection: {reason.getName()}")
