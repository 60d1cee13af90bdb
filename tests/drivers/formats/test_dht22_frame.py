"""DHT22 and DHT11 frames: the datasheets' examples, and the three ways of saying minus (DHTNew issues 52 and 100)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Kind
from drivers.formats.dht22_frame import decode


def frame(first: int, second: int) -> bytes:
    body = first.to_bytes(2, "big") + second.to_bytes(2, "big")
    return body + bytes([sum(body) & 0xFF])


def read(data: bytes) -> tuple[float, float, str | None]:
    (reading,) = decode(data).readings
    humidity, temperature = reading.measurements
    return humidity.value, temperature.value, reading.model


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("028c015fee", (65.2, 35.1, "DHT22")),  # the AM2302 datasheet
        ("028c806573", (65.2, -10.1, "DHT22")),  # sign and magnitude
        ("01b9fffab3", (44.1, -0.6, "DHT22")),  # two's complement
        ("01f3800074", (49.9, 0.0, "DHT22")),  # minus zero
        ("350018004d", (53.0, 24.0, "DHT11")),  # the DHT11 datasheet
    ],
)
def test_documented_frames(data: str, expected: tuple[float, float, str]) -> None:
    assert read(bytes.fromhex(data)) == expected


@given(st.integers(-400, -1))
def test_minus_in_three_ways(tenths: int) -> None:
    for raw in (0x8000 | -tenths, tenths & 0xFFFF, tenths & 0x0FFF):
        assert read(frame(452, raw))[1] == tenths / 10


def test_minus_zero_has_no_sign() -> None:
    assert str(read(bytes.fromhex("01f3800074"))[1]) == "0.0"


@pytest.mark.parametrize("data", ["028c015fef", "028c015f", "", "0000000000", "fffffffffc", "c02f5fbf0d", "01f500c800"])
def test_frames_that_cannot_be_are_failed_reads(data: str) -> None:
    decoded = decode(bytes.fromhex(data))
    assert decoded.kind is Kind.ERROR
    assert [(one.measurements, one.failed) for one in decoded.readings] == [((), ("temperature", "humidity"))]


@given(st.integers(0, 1000), st.integers(-400, 1250))
def test_every_possible_reading_comes_back(humidity: int, temperature: int) -> None:
    if humidity == 0 and temperature == 0:
        return
    raw = temperature if temperature >= 0 else 0x8000 | -temperature
    assert read(frame(humidity, raw))[:2] == (humidity / 10, temperature / 10)
