"""Raw frames of a DHT22 (AM2302) or DHT11: five bytes, as a board passes them on undigested.

Wire: humidity u16, temperature 16 bit, high byte first; the sum of the four & 0xFF. Below zero
the datasheet sets the top bit and leaves the magnitude; some parts send two's complement (FF FA = -0.6), some that in
12 bits (0F FA). DHT11: whole number and fraction of the humidity, then of the temperature (top bit of the fraction:
minus); a frame that is no DHT22's by its humidity can be one.
Units: tenths of % and of °C; 0..100 %, -40..125 °C.
Failure: a sum that does not hold; all bytes 00 (a line stuck low) and FF FF FF FF FC, whose sum does.
Source: Aosong AM2302 and DHT11 datasheets; DHTNew issues 52, 100; esphome issue 5322.

Sample: hex ``02 8C 01 5F EE`` (65.2 %, 35.1 °C)
Config: ``{type: serial, port: /dev/ttyUSB0, format: dht22-frame}``
"""

from drivers.base import Decoded, Kind, Measurement, Reading
from drivers.framing import checksum_holds

NAME = "dht22-frame"
_COLDEST, _HOTTEST, _WETTEST = -400, 1250, 1000  # tenths
_BOTH = ("temperature", "humidity")


def decode(frame: bytes) -> Decoded:
    """Read a frame; ERROR where its sum or its values cannot be."""
    if not checksum_holds(frame):
        return _failed(f"{len(frame)} bytes that are no frame: the checksum does not hold")
    if not any(frame):
        return _failed("all bytes are 00: the data line is stuck low")
    humidity, temperature = frame[0] << 8 | frame[1], signed_tenths(frame[2] << 8 | frame[3])
    if humidity <= _WETTEST and _COLDEST <= temperature <= _HOTTEST:
        return _read(humidity / 10, temperature / 10, "DHT22")
    if _is_dht11(frame):
        minus = -1 if frame[3] & 0x80 else 1
        return _read((frame[0] * 10 + frame[1]) / 10, minus * (frame[2] * 10 + (frame[3] & 0x7F)) / 10, "DHT11")
    return _failed(f"{humidity / 10:g} % and {temperature / 10:g} °C cannot be, though the checksum holds")


def signed_tenths(raw: int) -> int:
    """A DHT22's 16 temperature bits in tenths of a degree, in whichever of the three ways the part says minus.

    The ways do not overlap within the sensor's range: a magnitude needs no bit 14, a positive value no bit 11.
    """
    if raw & 0x8000:
        return raw - 0x10000 if raw & 0x4000 else -(raw & 0x7FFF)
    return raw - 0x1000 if raw & 0x0800 and raw < 0x1000 else raw


def _is_dht11(frame: bytes) -> bool:
    """Its fractions are one digit, its humidity 5..99 %, its temperature -20..60 °C."""
    return 5 <= frame[0] <= 99 and frame[1] <= 9 and frame[2] <= 60 and frame[3] & 0x7F <= 9


def _read(humidity: float, temperature: float, model: str) -> Decoded:
    measurements = (Measurement("humidity", humidity, "%"), Measurement("temperature", temperature + 0.0, "°C"))
    return Decoded(Kind.READING, NAME, (Reading(None, "", measurements, model=model),), None, "the checksum holds")


def _failed(reason: str) -> Decoded:
    return Decoded(Kind.ERROR, NAME, (Reading(None, failed=_BOTH),), None, reason)
