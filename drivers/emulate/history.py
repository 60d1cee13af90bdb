"""The devices' past as a recording: what they would have sent, in the form that ``drivers.recording`` reads."""

from collections.abc import Iterator, Sequence
from typing import Any

from drivers.emulate.devices import Arduino, Message, Publisher
from drivers.emulate.household import Emulated


def history(
    household: Sequence[Emulated], begins_at: int, ends_at: int, *, port: str, interval: float = 300
) -> Iterator[dict[str, Any]]:
    """Captured messages and lines, in order of time, of ``begins_at`` ≤ t < ``ends_at`` (µs since 1970 UTC).

    Each device reports every ``interval`` seconds, at moments that do not hang on ``begins_at``; ``port`` is what
    the serial device's lines are said to have come through.
    """
    for emulated in household:
        if isinstance(emulated.device, Publisher):
            yield from (_message(begins_at, message) for message in emulated.device.start())
    step = round(interval * 1_000_000)
    for tick in range(begins_at // step, ends_at // step + 1):
        for number, emulated in enumerate(household):
            time = tick * step + number * 7_000_000  # devices do not speak all at once
            if begins_at <= time < ends_at:
                yield from _report(emulated, time, port)


def _report(emulated: Emulated, time: int, port: str) -> Iterator[dict[str, Any]]:
    sample = emulated.sample(time)
    if sample.silent:
        return
    match emulated.device:
        case Publisher() as device:
            for number, message in enumerate(device.report(sample, time)):
                yield _message(time + 1000 * number, message)  # a device's messages are a millisecond apart
        case Arduino() as device:
            yield {"t": time, "port": port, "line": device.report(sample).decode()}


def _message(time: int, message: Message) -> dict[str, Any]:
    # A live subscriber gets no retained flag: that marks only what the broker had kept.
    return {"t": time, "topic": message.topic, "payload": message.payload.decode()}
