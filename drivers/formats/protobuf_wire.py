"""The wire format of Protocol Buffers, read without a schema: a message as its fields, in order.

Source: protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MOST_FIELDS = 4_000
"""Fields looked at in one message: a Sparkplug birth of a big edge has some hundreds."""
_LONGEST_VARINT = 10


class BrokenMessageError(ValueError):
    """The bytes are no protobuf message."""


def fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """(number, wire type, value) of each field: varints as integers, the rest as bytes; raises BrokenMessageError."""
    place, count = 0, 0
    while place < len(data):
        count += 1
        if count > MOST_FIELDS:
            raise BrokenMessageError(f"more than {MOST_FIELDS} fields")
        key, place = _varint(data, place)
        number, kind = key >> 3, key & 7
        value: int | bytes
        if kind == VARINT:
            value, place = _varint(data, place)
        elif kind in (FIXED64, FIXED32, BYTES):
            size = 8 if kind == FIXED64 else 4
            if kind == BYTES:
                size, place = _varint(data, place)
            value = data[place : place + size]
            place += size
            if place > len(data):
                raise BrokenMessageError("a field is longer than the message")
        else:
            raise BrokenMessageError(f"wire type {kind}")
        if not number:
            raise BrokenMessageError("a field without a number")
        yield number, kind, value


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for index in range(_LONGEST_VARINT):
        if place + index >= len(data):
            raise BrokenMessageError("a number is cut short")
        byte = data[place + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, place + index + 1
    raise BrokenMessageError("a number is longer than ten bytes")
