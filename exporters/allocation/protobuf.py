"""Protocol buffers' wire format, as far as reading goes.

Written by hand because the few messages that are read hold nothing but strings and each other;
Google's library is larger than all that reads them here.
https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator

from exporters.errors import Unreadable

_LONGEST_VARINT = 10
_MORE = 0x80
"""The bit of a varint's byte that says that more follows."""
_FIXED = {1: 8, 5: 4}
"""Bytes of a value by its wire type."""
_VARINT, _BYTES = 0, 2


class Garbled(Unreadable):
    """These bytes are no message."""


def submessages(message: memoryview, number: int) -> Iterator[memoryview]:
    """Yield each value of a field that holds strings or messages; other fields are passed over.

    Garbled where the bytes are no message, or the field holds a number.
    """
    for found, value in _fields(message):
        if found == number:
            if value is None:
                raise Garbled(f"field {number} is a number")
            yield value


def text(message: memoryview, number: int) -> str:
    """Return the last value of a string field, empty where it has none, as the format demands."""
    value = b""
    for found in submessages(message, number):
        value = bytes(found)
    return value.decode("utf-8", "replace")


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | None]]:
    """Yield each field's number and its bytes, None for a number."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise Garbled("a field without a number")
        if kind == _BYTES:
            length, at = _varint(message, at)
            yield number, _slice(message, at, length)
            at += length
        elif kind == _VARINT:
            _, at = _varint(message, at)
            yield number, None
        elif kind in _FIXED:
            _slice(message, at, _FIXED[kind])
            at += _FIXED[kind]
            yield number, None
        else:
            raise Garbled(f"a field of the unknown wire type {kind}")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    for byte in message[at : at + _LONGEST_VARINT]:
        at += 1
        if byte < _MORE:
            return value | byte << shift, at
        value |= (byte ^ _MORE) << shift
        shift += 7
    raise Garbled("a number without an end")


def _slice(message: memoryview, at: int, length: int) -> memoryview:
    if length > len(message) - at:
        raise Garbled("a field longer than the message")
    return message[at : at + length]
