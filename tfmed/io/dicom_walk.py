"""A DICOM file's data elements, walked from the first byte to the last.

pydicom reads what is damaged as well as it can: a length with a wrong bit makes it skip half a
header without a word. Here every element must begin where the one before it ends, have a value
representation of the standard and end within what holds it. What is asked for must stand in
ascending order, and all elements where no representations tell whether the walk has lost its way;
some writers add other elements at the end.

Source: DICOM PS3.5 chapter 7 (data elements, sequences, items), 6.2.2 (UN of unknown length).
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tfmed.errors import ReadError

UNDEFINED = 0xFFFFFFFF
PIXEL_TAGS = {
    0x7FE00008: "FloatPixelData",
    0x7FE00009: "DoubleFloatPixelData",
    0x7FE00010: "PixelData",
}
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_FIRST_BYTES = 1 << 16
_DEEPEST = 64


class Element(NamedTuple):
    """Where a data element lies.

    Attributes:
        tag: group and element in one number.
        vr: its value representation, b"" where the file does not tell it.
        start: byte where its value begins.
        length: bytes of the value; those of an undefined length's items, as they were found;
            `UNDEFINED` for encapsulated pixel data.
    """

    tag: int
    vr: bytes
    start: int
    length: int


class Head:
    """The bytes of a file from its start, as many of them as have been needed.

    Attributes:
        data: the bytes.
        size: bytes of the whole file.
    """

    def __init__(self, file: BinaryIO, path: str | Path) -> None:
        self._file = file
        self._path = path
        self._begin = file.tell()
        self.size = file.seek(0, 2) - self._begin
        file.seek(self._begin)
        self.data = file.read(_FIRST_BYTES)

    def need(self, end: int) -> bytes:
        """The bytes, at least up to `end`.

        Raises:
            ReadError: the file ends before.
        """
        if end > self.size:
            raise self.damaged("it is cut short, or a length in its header is wrong")
        if end > len(self.data):
            self._file.seek(self._begin + len(self.data))
            self.data += self._file.read(max(end, 2 * len(self.data)) - len(self.data))
            if end > len(self.data):
                raise self.damaged("it ends while it is read")
        return self.data

    def damaged(self, what: str) -> ReadError:
        """The error for damage that was found in it."""
        return ReadError(self._path, f"damaged DICOM: {what}")


class Coding(NamedTuple):
    """How elements are written: with or without value representations, in which byte order."""

    explicit: bool
    head: struct.Struct
    length: struct.Struct


_LITTLE = (struct.Struct("<HH2sH"), struct.Struct("<I"))
IMPLICIT = Coding(False, *_LITTLE)
EXPLICIT = Coding(True, *_LITTLE)
BIG_ENDIAN = Coding(True, struct.Struct(">HH2sH"), struct.Struct(">I"))


def walk(
    head: Head, start: int, coding: Coding, wanted: Mapping[int, Collection[bytes]]
) -> tuple[dict[int, Element], Element | None]:
    """Walk the elements of a data set up to its pixel data.

    Args:
        head: the file's bytes.
        start: byte of the first element.
        coding: how the elements are written.
        wanted: the tags to be told, with the value representations that each may have; the
            insides of sequences among them are walked too.

    Returns:
        The wanted elements by tag, and the pixel data's, or None where the file ends without.

    Raises:
        ReadError: the structure is damaged.
    """
    found: dict[int, Element] = {}
    last, position = -1, start
    while position < head.size:
        element = element_at(head, position, coding)
        tag = element.tag
        kinds = wanted.get(tag)
        if kinds is not None or not coding.explicit or tag in PIXEL_TAGS:
            if tag <= last:
                raise head.damaged("its elements are not in order")
            last = tag
        if tag in PIXEL_TAGS:
            return found, element
        if kinds is None:
            position = _end(head, element, coding, deep=False)
            continue
        if element.vr and element.vr not in kinds and element.vr != b"UN":
            raise head.damaged("an element has the value representation of another one")
        if b"SQ" in kinds and element.vr != b"UN":
            element = element._replace(vr=b"SQ")
        position = _end(head, element, coding, deep=True)
        if element.length == UNDEFINED:
            element = element._replace(length=position - 8 - element.start)
        found[tag] = element
    return found, None


def element_at(head: Head, position: int, coding: Coding) -> Element:
    """The element that begins at byte `position`.

    Raises:
        ReadError: there is none.
    """
    data = head.data if position + 12 <= len(head.data) else head.need(position + 8)
    group, number, vr, short = coding.head.unpack_from(data, position)
    tag = group << 16 | number
    if not coding.explicit or group == 0xFFFE:
        return Element(tag, b"", position + 8, coding.length.unpack_from(data, position + 4)[0])
    if vr in _SHORT:
        return Element(tag, vr, position + 8, short)
    if vr not in _LONG or short:
        raise head.damaged("an element has no value representation of the standard")
    data = head.need(position + 12)
    return Element(tag, vr, position + 12, coding.length.unpack_from(data, position + 8)[0])


def _end(head: Head, element: Element, coding: Coding, *, deep: bool, depth: int = 0) -> int:
    """Where the next element begins."""
    if element.length == UNDEFINED:
        # A sequence of unknown kind is written as implicit little-endian (PS3.5 6.2.2, note).
        inside = IMPLICIT if element.vr == b"UN" else coding
        return _items(head, element.start, UNDEFINED, inside, depth + 1)
    end = element.start + element.length
    if deep and element.vr == b"SQ":
        _items(head, element.start, end, coding, depth + 1)
    head.need(end)
    return end


def _items(head: Head, position: int, end: int, coding: Coding, depth: int) -> int:
    """Walk a sequence's items to `end`, or to its delimiter where that is `UNDEFINED`."""
    if depth > _DEEPEST:
        raise head.damaged("sequences in sequences without an end")
    while position != end:
        item = element_at(head, position, coding)
        if item.tag == _SEQUENCE_END and end == UNDEFINED:
            return item.start
        if item.tag != _ITEM or position > end:
            raise head.damaged("a sequence holds something else than items")
        position = _item(head, item, coding, depth)
    return position


def _item(head: Head, item: Element, coding: Coding, depth: int) -> int:
    """Walk an item's elements; give where it ends."""
    position = item.start
    end = UNDEFINED if item.length == UNDEFINED else position + item.length
    head.need(position if end == UNDEFINED else end)
    if coding.explicit and head.need(min(position + 6, head.size))[position + 4] < 0x41:
        # Some writers leave the representations out inside sequences.
        coding = coding._replace(explicit=False)
    while position < end:
        element = element_at(head, position, coding)
        if element.tag == _ITEM_END and end == UNDEFINED:
            return element.start
        position = _end(head, element, coding, deep=True, depth=depth)
    if position != end:
        raise head.damaged("an item does not end where it says")
    return position
