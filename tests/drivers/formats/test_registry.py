"""What holds for every format in the registry: a new one is under these tests by its line there."""

import importlib
import json
import pkgutil
import time
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import drivers.formats
from drivers.base import QUANTITIES, Decoded, Kind
from drivers.formats import SerialDecoder, decode_case, decode_mqtt
from drivers.formats.catalogue import entries
from drivers.formats.registry import LINE_FORMATS, MQTT_FORMATS, SERIAL_FORMATS
from drivers.formats.units import to_canonical
from drivers.formats.words import words

MODULES = [
    module
    for info in pkgutil.iter_modules(drivers.formats.__path__)
    if hasattr(module := importlib.import_module(f"drivers.formats.{info.name}"), "NAME")
]
SAMPLES = [entry.sample for entry in entries() if "type: mqtt" in entry.config]
TOPICS = st.sampled_from(
    [
        *(topic for topic, _ in SAMPLES),
        *words(
            "/ a/b tele/x/SENSOR stat/x/STATUS10 x/sensor/temperature/state x/humidity x/LWT x/status é/温度 $SYS/x"
        ),
        *words("homeassistant/sensor/x/y/config tasmota/discovery/x/config"),
        "",
        "\x00",
        "/".join("t" * 300),
    ]
)
WORDS = st.sampled_from(
    words(
        """temperature Humidity t h value metric unit id ts Time TempUnit StatusSNS sensor AM2301 DS18B20-1 Id
        ZbReceived mac battery pressure mode fan online state name x"""
    )
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**80), 2**80), st.floats(), st.text(max_size=12), WORDS,
    st.sampled_from(["F", "nan", "21.5", "°C", "70 °F", "1e999", "٢١", 1700000000, 1.7e18, "2019-01-01T00:00:00"]),
)  # fmt: skip
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(WORDS | st.text(max_size=9), inner, max_size=6),
    max_leaves=25,
)
LINES = st.lists(
    st.sampled_from(
        [
            "Temp",
            "Humidity",
            ":",
            "=",
            " ",
            "\t",
            ",",
            "21.5",
            "-4",
            "nan",
            "°C",
            "%",
            "\r\n",
            "\n",
            "H",
            "T",
            "(",
            ")",
            "{",
        ]
    )
    | st.text(max_size=3),
    max_size=40,
).map("".join)


def check(decoded: Decoded) -> None:
    """What the pipeline relies on: finite numbers, known quantities, units that convert, texts in UTF-8."""
    assert isinstance(decoded, Decoded)
    if decoded.kind is Kind.READING:
        assert any(reading.measurements for reading in decoded.readings)
    else:
        assert not any(reading.measurements for reading in decoded.readings)
    for reading in decoded.readings:
        assert reading.measurements or reading.failed
        assert reading.sequence is None or 0 <= reading.sequence < 2**63
        told = [one.quantity for one in reading.measurements]
        assert len(set(told)) == len(told)
        assert set(told) | set(reading.failed) <= QUANTITIES.keys()
        for one in reading.measurements:
            assert isinstance(one.value, float)
            assert abs(to_canonical(one.quantity, one.value, one.unit)) < 1e12
        for text in (
            reading.device or "",
            reading.probe,
            reading.model or "",
            *(one.name or "" for one in reading.measurements),
        ):
            assert text.isprintable()
            assert len(text.encode()) <= 800


@given(TOPICS, st.binary(max_size=300))
@example("a/b", b'{"temperature":' * 2000)
def test_no_bytes_make_a_decoder_raise(topic: str, payload: bytes) -> None:
    check(decode_mqtt(topic, payload, {}))


@given(TOPICS, DOCUMENTS)
def test_no_document_makes_a_decoder_raise(topic: str, document: object) -> None:
    memory: dict[str, Any] = {}
    check(decode_mqtt(topic, json.dumps(document).encode(), memory))
    orjson.dumps(memory)


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_makes_a_decoder_raise(topic: str, payload: str) -> None:
    check(decode_mqtt(topic, payload.encode("utf-8", "surrogatepass"), {}))


@pytest.mark.parametrize("format_name", sorted(SERIAL_FORMATS))
@given(st.lists(st.binary(max_size=120) | LINES.map(lambda text: text.encode("utf-8", "surrogatepass")), max_size=5))
def test_no_stream_makes_a_serial_format_raise(format_name: str, pieces: list[bytes]) -> None:
    memory: dict[str, Any] = {}
    decoder = SerialDecoder(format_name, memory)
    for piece in pieces:
        for decoded in decoder.feed(piece) + decoder.idle():
            check(decoded)
    for decoded in decoder.end():
        check(decoded)
    orjson.dumps(memory)


MUTILATIONS = st.tuples(st.integers(0, 400), st.integers(0, 12), st.binary(max_size=6) | WORDS.map(str.encode))


@given(st.sampled_from(SAMPLES), st.lists(MUTILATIONS, max_size=4), st.sampled_from(["", "/x", "/set", "/$unit"]))
def test_no_mutilated_sample_makes_its_decoder_raise(
    sample: list[str], mutilations: list[tuple[int, int, bytes]], further: str
) -> None:
    topic, payload = sample[0] + further, sample[1].encode()
    for place, length, inserted in mutilations:
        place %= len(payload) + 1
        payload = payload[:place] + inserted + payload[place + length :]
    memory: dict[str, Any] = {}
    for _ in range(2):
        check(decode_mqtt(topic, payload, memory))
    orjson.dumps(memory)


@given(TOPICS, DOCUMENTS)
def test_a_message_decodes_to_the_same_twice(topic: str, document: object) -> None:
    payload = json.dumps(document).encode()
    assert decode_mqtt(topic, payload, {}) == decode_mqtt(topic, payload, {})


def test_every_refusal_says_why() -> None:
    for topic, payload in [
        ("a/b", b""),
        ("a/b", b"\xff"),
        ("a/b", b"{"),
        ("a/b", b"12"),
        ("x/set", b"1"),
        ("a", b"{}"),
    ]:
        assert decode_mqtt(topic, payload, {}).reason


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.NAME)
def test_a_format_s_file_tells_wire_source_and_a_sample(module: Any) -> None:
    for word in ("Wire:", "Source:", "Sample"):
        assert word in module.__doc__


def test_names_are_unique() -> None:
    assert len({known.name for known in MQTT_FORMATS}) == len(MQTT_FORMATS)
    assert len({known.name for known in LINE_FORMATS}) == len(LINE_FORMATS)


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 16_384,
        b'{"temperature":' * 1_092,
        b"[" + b'{"temperature":21},' * 800 + b"{}]",
        b"{" + b",".join(b'"temperature_%d":21' % index for index in range(800)) + b"}",
        b"temperature 21 " * 1_092,
        b"temp: " * 2_730,
        b"nan " * 4_096,
        b"1," * 8_192,
        b"-" * 16_384,
        b"T(" * 8_192,
    ],
    ids=range(10),
)
def test_nothing_of_16_kib_takes_long(payload: bytes) -> None:
    for topic in ("a/b", "x/temperature", *(topic for topic, _ in SAMPLES)):
        fastest = min(_seconds(topic, payload) for _ in range(3))
        assert fastest < 0.05  # five times the promise: a loaded machine must not fail the test


def _seconds(topic: str, payload: bytes) -> float:
    start = time.perf_counter()
    decode_mqtt(topic, payload, {})
    return time.perf_counter() - start


def test_a_case_with_any_text_is_judged() -> None:
    assert decode_case({"id": 1, "transport": "mqtt", "payload_text": "\ud800"})["kind"] == "unknown"


@pytest.mark.parametrize(
    "messages",
    [
        [(f"home/{'t' * 400}{end}/temperature", b"20.5") for end in "12"],
        [("home/x", json.dumps({"device": "d" * 300 + end, "temperature": 20.5}).encode()) for end in "12"],
        [("home/x", json.dumps({"s" * 80 + end + "_temperature": 20.5}).encode()) for end in "12"],
    ],
)
def test_names_too_long_to_keep_still_tell_two_devices_apart(messages: list[tuple[str, bytes]]) -> None:
    readings = [decode_mqtt(topic, payload, {}).readings for topic, payload in messages]
    names = {(reading.device, reading.probe) for (reading,) in readings}
    assert len(names) == 2
    assert all(len(device or "") <= 200 and len(probe) <= 200 for device, probe in names)
