"""What boards say on the same line that is no reading: boot messages, crash dumps, rules of dashes.

Wire: the ESP8266's ROM text at 74880 baud (`` ets Jan  8 2013,rst cause:2``), ESP32's (``rst:0x1 (POWERON_RESET)``),
exception and stack dumps, ``======``.
Units: none.
Failure: a reset or a crash of the board is no failed read of its sensor.
Source: esptool issue 1020; esp8266/Arduino issues 2829, 9122.

Sample: ``ets Jan  8 2013,rst cause:2, boot mode:(3,6)``
Config: ``{type: serial, port: /dev/ttyUSB0, baudrate: 74880}``
"""

import re

from drivers.base import Decoded, Kind
from drivers.formats.line import LineState

NAME = "chatter"
_BOOT = re.compile(
    r"\s*(?:ets [A-Z][a-z]{2}\s|rst:0x|rst cause|load[: ]?0x|entry 0x|tail \d|ch?k?sum 0x|csum 0x|v[0-9a-f]{8}$|~ld"
    r"|wdt reset|boot:|configsip:|clk_drv:|mode:[A-Z]|Exception \(|epc1=|ctx:|sp: |>>>stack|<<<stack|[0-9a-f]{8}:\s"
    r"|Backtrace:|Guru Medit|SPIWP:|flash read err|csum err|ho 0 tail|Brownout|Rebooting|abort\(\))",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"\s*(?:#|//)")


def decode(line: str, state: LineState) -> Decoded | None:  # noqa: ARG001 - every line format is asked in the same way
    """NOISE for a line that is known to be none; None otherwise."""
    if _BOOT.match(line):
        return Decoded(Kind.NOISE, NAME, reason="a boot message or a crash dump")
    if _COMMENT.match(line):
        return Decoded(Kind.NOISE, NAME, reason="a comment")
    return None


def decode_rest(line: str, state: LineState) -> Decoded | None:  # noqa: ARG001
    """The last word on a line that no format reads: without a digit there is nothing in it to read."""
    if not any(char.isdigit() for char in line):
        return Decoded(Kind.NOISE, NAME, reason="a line without any figure")
    return None
