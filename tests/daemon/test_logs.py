"""The log: one line an event, whatever a device put into it, and no secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from daemon import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = before
    root.setLevel(level)


TRICKS = "a\nb\r\x1b[31mred\u2028next\x85"


def test_a_device_cannot_break_the_line_or_colour_the_terminal(stream: io.StringIO) -> None:
    logs.configure("info", "text", stream)
    logging.getLogger("sereno").warning("topic %s", TRICKS, extra={"sensor": TRICKS})
    (line,) = stream.getvalue().splitlines()
    assert line.endswith(
        "WARNING sereno: topic " + r"a\nb\r\x1b[31mred\u2028next\x85 sensor=a\nb\r\x1b[31mred\u2028next\x85"
    )
    assert line[23] == "Z"


def test_json_keeps_fields_and_their_types(stream: io.StringIO) -> None:
    logs.configure("info", "json", stream)
    logging.getLogger("sereno").info("stored", extra={"readings": 3, "driver": TRICKS})
    logging.getLogger("sereno").debug("not wanted")
    (line,) = stream.getvalue().splitlines()
    assert {**json.loads(line), "time": ""} == {
        "time": "",
        "level": "info",
        "logger": "sereno",
        "message": "stored",
        "readings": 3,
        "driver": TRICKS,
    }


@pytest.mark.parametrize("kind", ["text", "json"])
def test_an_exception_stays_on_the_line(stream: io.StringIO, kind: str) -> None:
    logs.configure("info", kind, stream)  # type: ignore[arg-type]
    try:
        int("mqtt://ana:hunter22@host refused\nus")
    except ValueError:
        logging.getLogger("sereno").exception("no connection")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError" in line
    assert "hunter22" not in line


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("GET /api/v1/ws/secure?channel=general&token=abc.def HTTP/1.1", "channel=general&token=*** HTTP/1.1"),
        ("postgresql://ana:hunter22@db/sereno", "postgresql://ana:***@db/sereno"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("Sec-WebSocket-Protocol: bearer, abc.def", "bearer, ***"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", "***"),
        ("password=hunter22 key=mqtt/kitchen", "password=*** key=mqtt/kitchen"),
    ],
)
def test_secrets_are_masked(stream: io.StringIO, text: str, kept: str) -> None:
    logs.configure("info", "text", stream)
    logging.getLogger("sereno").info("%s", text)
    assert kept in stream.getvalue()
