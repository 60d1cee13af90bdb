"""RFLink, by its protocol reference and the samples of python-rflink and rflink-to-mqtt."""

import pytest
from support.decoding import decode, rows

from drivers.base import Kind
from drivers.formats import SerialDecoder, decode_capture


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("20;3D;Alecto V1;ID=2000;TEMP=0011;HUM=61;", [("temperature", 1.7), ("humidity", 61.0)]),
        ("20;2A;Xiron;ID=2801;TEMP=0043;HUM=29;BAT=OK;", [("temperature", 6.7), ("humidity", 29.0)]),
        ("20;6B;DKW2012;  ID=0022;TEMP=8019;HUM=99;WINSP=0000;", [("temperature", -2.5), ("humidity", 99.0)]),
        ("20;B3;UPM/Esic;ID=0001;TEMP=00cf;HUM=16;BAT=OK;", [("temperature", 20.7), ("humidity", 16.0)]),
        ("20;08;Oregon Temp;ID=1A89;TEMP=80c8;BAT=LOW;", [("temperature", -20.0)]),
    ],
)
def test_a_packet_is_read(line: str, expected: list[tuple[str, float]]) -> None:
    told = rows(*decode_capture((line + "\r\n").encode()))
    assert [row[2:] for row in told] == expected
    model, identity = line.split(";")[2], line.split("ID=")[1].split(";")[0]
    assert {row[0] for row in told} == {f"{model}/{identity}"}


@pytest.mark.parametrize(
    "line",
    [
        "20;00;Nodo RadioFrequencyLink - RFLink Gateway V1.1 - R46;",
        "20;01;PONG;",
        "20;02;OK;",
        "20;03;VER=1.1;REV=46;BUILD=0c;",
        "10;PING;",
        "11;20;0B;NewKaku;ID=000005;SWITCH=2;CMD=ON;",
        "20;06;NewKaku;ID=008440e6;SWITCH=a;CMD=OFF;",
        "20;07;Cresta;ID=8001;RAIN=02f8;",
    ],
)
def test_what_is_no_reading_is_known_as_such(line: str) -> None:
    (decoded,) = decode_capture((line + "\r\n").encode())
    assert (decoded.kind, decoded.format) == (Kind.NOISE, "rflink")


def test_all_ones_are_a_failed_read() -> None:
    (decoded,) = decode_capture(b"20;2A;Xiron;ID=2801;TEMP=7fff;HUM=255;\r\n")
    assert (decoded.kind, decoded.readings[0].failed) == (Kind.ERROR, ("temperature", "humidity"))


def test_a_bridge_publishes_the_line_or_wraps_it() -> None:
    line = "20;2A;Xiron;ID=2801;TEMP=8043;HUM=29;BAT=OK;"
    expected = [("Xiron/2801", "", "temperature", -6.7), ("Xiron/2801", "", "humidity", 29.0)]
    assert rows(decode("rflink/raw", line)) == expected
    assert rows(decode("RFlink/JSON/Xiron/2801", {"raw": line + "\r", "HUM": 29, "BAT": "OK"})) == expected


def test_auto_recognises_it() -> None:
    decoder = SerialDecoder()
    decoder.feed(b"20;2A;Xiron;ID=2801;TEMP=0043;HUM=29;BAT=OK;\r\n")
    assert decoder.recognised == "rflink"
