"""What the decoders understand, and what it costs in processor time.

``python benchmarks/decoding.py --data CASES`` reads a file of cases (one JSON object a line: ``id``, ``family``,
``transport``, ``topic``, ``payload_text`` or ``payload_b64``, ``kind``, ``expect``) and prints, per family, the share
of cases whose whole outcome is right (device, probe, quantity, value within 0.01 of temperature and humidity; optional
ones may lack; nothing for other kinds), each miss, and µs per message against ``orjson.loads`` of the same payload.
``generic`` is what the generic formats alone read of an MQTT family's messages, its own format switched off: the values
right, whatever the sensor was called, of the cases that hold readings; and in brackets false readings of the others.
Without a file it prints the cost of a few messages and the slowest of 16 KiB of anything.
"""

import argparse
import json
import random
import statistics
import sys
import time
from base64 import b64decode
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from drivers.formats import decode_capture, decode_case, decode_mqtt
from drivers.formats.catalogue import entries
from drivers.formats.message import read_message
from drivers.formats.names import derive_probe
from drivers.formats.registry import MQTT_FORMATS
from drivers.formats.units import to_canonical

GENERIC = ("availability", "topic", "json", "plain", "text")
Item = tuple[str | None, str, str, float]

METRIC = b'{"sensor":"s12","metric":"temperature","unit":"C","value":21.3,"id":7,"t":1700000000000000000}'
TASMOTA = b'{"Time":"2019-11-03T19:34:28","AM2301":{"Temperature":21.7,"Humidity":66.6},"TempUnit":"C"}'
MESSAGES = {
    "metric record": ("sensors/s12/reading", METRIC),
    "flat JSON": ("greenhouse/north", b'{"temperature":21.5,"humidity":45}'),
    "Tasmota": ("tele/attic/SENSOR", TASMOTA),
    "ESPHome": ("attic/sensor/temperature/state", b"21.7"),
    "plain": ("attic/temperature", b"21.7"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a file of cases, one JSON object a line")
    arguments = parser.parse_args()
    if arguments.data is not None:
        try:
            lines = arguments.data.read_text(encoding="utf-8").splitlines()
        except OSError as fault:
            sys.exit(f"{arguments.data} cannot be read: {fault.strerror}")
        report([json.loads(line) for line in lines if line.strip()])
    print_costs()
    print_worst()


def report(cases: list[dict[str, Any]]) -> None:
    families: dict[str, list[tuple[bool, float, float]]] = defaultdict(list)
    by_kind: dict[bool, list[bool]] = defaultdict(list)
    generic: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for case in cases:
        right, given = judge(case)
        if case["transport"] == "mqtt":
            generic[case["family"]].append((case["kind"] == "reading", judge_generic(case)))
        payload = payload_of(case)
        families[case["family"]].append((right, cost_of_case(case, payload), cost_of_json(payload)))
        by_kind[case["kind"] == "reading"].append(right)
        if not right:
            print(f"miss {case['id']}: {case['kind']}, expected {items(case['expect'])}, given {given}")
    print(f"\n{'family':<18}{'right':>9}{'µs a case':>12}{'orjson.loads':>14}{'generic':>14}")
    for family, outcomes in sorted(families.items()):
        right = sum(one[0] for one in outcomes)
        decode = statistics.median(one[1] for one in outcomes)
        loads = [one[2] for one in outcomes if one[2] > 0]
        ratio = f"x {decode / statistics.median(loads):.0f}" if loads else "-"
        print(f"{family:<18}{right:>5}/{len(outcomes):<3}{decode:>12.1f}{ratio:>14}{told(generic[family]):>14}")
    every = by_kind[True] + by_kind[False]
    print(
        f"\nwhole outcome right: {share(every)}; reading cases {share(by_kind[True])}, others {share(by_kind[False])}"
    )
    outcomes = [one for family in generic.values() for one in family]
    read = share([good for reading, good in outcomes if reading])
    false = sum(not good for reading, good in outcomes if not reading)
    print(f"generic formats alone: values of {read} reading cases right, {false} false readings of other kinds")


def share(right: list[bool]) -> str:
    return f"{sum(right)}/{len(right)} = {100 * sum(right) / max(1, len(right)):.1f} %"


def told(outcomes: list[tuple[bool, bool]]) -> str:
    if not outcomes:
        return "-"
    read = [good for reading, good in outcomes if reading]
    false = sum(not good for reading, good in outcomes if not reading)
    return f"{sum(read)}/{len(read)} ({false})"


def judge_generic(case: dict[str, Any]) -> bool:
    """Whether the formats that know no family read the right values, and no others."""
    message = read_message(case["topic"] or "", payload_of(case), {})
    known = [one for one in MQTT_FORMATS if one.name in GENERIC and (not case["topic"] or one.claims(message.topic))]
    decoded = next((answer for one in known if (answer := one.decode(message)) is not None), None)
    readings = decoded.readings if decoded is not None else ()
    given = [
        (one.quantity, to_canonical(one.quantity, one.value, one.unit))
        for reading in readings
        for one in reading.measurements
        if one.quantity in ("temperature", "humidity")
    ]
    allowed = [one[2:] for one in items(case["expect"])]
    needed = [one[2:] for one in items(row for row in case["expect"] if not row.get("optional"))]
    return all(any(close(one, other) for other in given) for one in needed) and all(
        any(close(one, other) for other in allowed) for one in given
    )


def close(one: tuple[str, float], other: tuple[str, float]) -> bool:
    return one[0] == other[0] and abs(one[1] - other[1]) <= 0.01 + 1e-9


def judge(case: dict[str, Any]) -> tuple[bool, list[Item]]:
    given = items(decode_case(case)["readings"])
    needed = items(one for one in case["expect"] if not one.get("optional"))
    allowed = items(case["expect"])
    complete = all(any(same(one, other) for other in given) for one in needed)
    return complete and all(any(same(one, other) for other in allowed) for one in given), given


def items(rows: Any) -> list[Item]:
    return [
        (row["device"], derive_probe(row["sensor"]).lower(), row["quantity"], row["value"])
        for row in rows
        if row["quantity"] in ("temperature", "humidity")
    ]


def same(one: Item, other: Item) -> bool:
    return one[:3] == other[:3] and abs(one[3] - other[3]) <= 0.01 + 1e-9


def payload_of(case: dict[str, Any]) -> bytes:
    text = case.get("payload_text")
    return text.encode() if isinstance(text, str) else b64decode(case["payload_b64"])


def cost_of_case(case: dict[str, Any], payload: bytes) -> float:
    if case["transport"] == "serial":
        return microseconds(lambda: decode_capture(payload))
    return microseconds(lambda: decode_mqtt(case["topic"] or "", payload, {}))


def cost_of_json(payload: bytes) -> float:
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        return 0.0
    return microseconds(lambda: orjson.loads(payload)) if payload[:1] in b"{[" else 0.0


def microseconds(work: Callable[[], object], times: int = 200) -> float:
    """The fastest of five rounds, µs a call: what others do on this machine is no cost of ours."""
    rounds = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(times):
            work()
        rounds.append((time.process_time() - start) / times * 1e6)
    return min(rounds)


def print_costs() -> None:
    print(f"\n{'message':<18}{'µs':>7}{'orjson.loads':>14}")
    for name, (topic, payload) in MESSAGES.items():
        decode = microseconds(lambda topic=topic, payload=payload: decode_mqtt(topic, payload, {}), 2_000)
        loads = cost_of_json(payload)
        print(f"{name:<18}{decode:>7.1f}{f'x {decode / loads:.0f}' if loads else '-':>14}")


def print_worst() -> None:
    samples = [entry.sample[0] for entry in entries() if "type: mqtt" in entry.config]
    topics = ("a/b", "x/temperature", *samples)
    spent = []
    for payload in anything(random.Random(7), 200):
        for topic in topics:
            start = time.process_time()
            decode_mqtt(topic, payload, {})
            spent.append((time.process_time() - start) * 1e3)
    spent.sort()
    high, last = spent[int(len(spent) * 0.999)], spent[-1]
    print(f"\n16 KiB of anything, {len(spent)} messages: 99.9th percentile {high:.2f} ms, slowest {last:.2f} ms")


def anything(source: random.Random, rounds: int) -> Iterator[bytes]:
    """Payloads of 16 KiB: noise, deep and wide JSON, words, figures, separators, each time others."""
    size = 16_384
    pieces = [
        "temperature",
        "Temp",
        "humidity",
        "t",
        "21.5",
        "nan",
        ":",
        "=",
        ",",
        " ",
        "{",
        "}",
        "[",
        "]",
        '"',
        "°C",
        "-",
    ]
    for index in range(rounds):
        yield source.randbytes(size)
        yield b"[" * source.randrange(900, size)
        yield "".join(source.choice(pieces) for _ in range(size // 3)).encode()[:size]
        keys = [f'"{source.choice(pieces[:4])}_{source.randrange(10**6)}":{index}' for _ in range(size // 24)]
        yield ("{" + ",".join(keys) + "}").encode()
        yield ("[" + ",".join(f'{{"temperature":{source.randrange(90)}}}' for _ in range(size // 19)) + "]").encode()


if __name__ == "__main__":
    main()
