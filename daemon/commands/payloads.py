"""``sereno decode``: what would become of this payload, by the very formats that the drivers use."""

import json
from base64 import b64encode
from typing import IO

from daemon.commands.console import print_json, print_line, say, tell
from daemon.errors import UsageError
from drivers.formats import SERIAL_FORMATS, decode_capture, decode_case, decode_mqtt, explain

LONGEST_CASE = 16 << 20
"""Bytes of one line of cases: a serial capture of some hours, escaped."""
LONGEST_CAPTURE = 64 << 20
"""Bytes of one serial capture, which is decoded whole."""


def decode_cases(file: IO[bytes]) -> bool:
    """Judge one JSON object a line, each alone, and print one a line; True if every line was a case."""
    good = True
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_CASE), b""), 1):
        if not line.strip():
            continue
        try:
            case = json.loads(line)
            if not isinstance(case, dict):
                raise ValueError("a case is a JSON object")  # noqa: TRY004, TRY301 - one kind of fault: the line's
            print_line(decode_case(case))
        except (ValueError, RecursionError) as error:
            good = False
            say(f"line {number}: {error}", "yellow")
            print_line({"id": None, "kind": "unknown", "readings": []})
    return good


def explain_message(topic: str, payload: bytes, *, as_json: bool) -> None:
    """Say what an MQTT message would become."""
    if "#" in topic or "+" in topic:
        raise UsageError(f"{topic!r} is a filter; a message comes on one topic, which has no + and no #")
    if as_json:
        _print_case({"transport": "mqtt", "topic": topic}, payload)
        return
    for line in explain([decode_mqtt(topic, payload, {})]):
        tell(line)


def explain_serial(file: IO[bytes], line: bytes | None, format_name: str, *, as_json: bool) -> None:
    """Say what a serial line would become, or a capture of many: the whole of ``file``."""
    if format_name not in SERIAL_FORMATS:
        raise UsageError(f"{format_name!r} is not a serial format; there are {', '.join(sorted(SERIAL_FORMATS))}")
    if as_json and format_name != "auto":
        raise UsageError("--json judges as `--format auto` does; leave one of them out")
    data = file.read(LONGEST_CAPTURE) if line is None else line + b"\n"
    if as_json:
        _print_case({"transport": "serial"}, data)
        return
    for sentence in explain(decode_capture(data, format_name)):
        tell(sentence)


def _print_case(case: dict[str, str], payload: bytes) -> None:
    judged = decode_case({**case, "payload_b64": b64encode(payload).decode()})
    del judged["id"]
    print_json(judged)
