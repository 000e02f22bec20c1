"""Damage that knows nothing of formats: bits, bytes and runs of a file.

Each function takes the file, a generator and how far from the start it may begin, and gives the
damaged file and the place of its first change.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LONGEST_RUN = 512
INTERESTING = (0, 1, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

Damaged = tuple[bytes, int]


def flip_bits(data: bytes, generator: np.random.Generator, reach: int) -> Damaged:
    """One to four bits turned."""
    changed = bytearray(data)
    places = generator.integers(0, reach, generator.integers(1, 5))
    for place in places:
        changed[place] ^= 1 << int(generator.integers(8))
    return bytes(changed), int(places.min())


def random_bytes(data: bytes, generator: np.random.Generator, reach: int) -> Damaged:
    """One to eight bytes set to anything."""
    changed = bytearray(data)
    places = generator.integers(0, reach, generator.integers(1, 9))
    for place in places:
        changed[place] = int(generator.integers(256))
    return bytes(changed), int(places.min())


def zeros(data: bytes, generator: np.random.Generator, reach: int) -> Damaged:
    """A run of zeros, as a lost block of a disk leaves it."""
    return _overwritten(data, generator, reach, b"\0")


def ones(data: bytes, generator: np.random.Generator, reach: int) -> Damaged:
    """A run of 0xFF, as erased flash memory reads."""
    return _overwritten(data, generator, reach, b"\xff")


def truncate(data: bytes, generator: np.random.Generator, reach: int) -> Damaged:
    """The file's end lost."""
    place = int(generator.integers(0, reach))
    return data[:place], place


def delete(data: bytes, generator: np.random.Generator, reach: int) -> Damaged:
    """A run lost, the rest moved up."""
    start, end = _run(data, generator, reach)
    return data[:start] + data[end:], start


def insert(data: bytes, generator: np.random.Generator, reach: int) -> Damaged:
    """Random bytes put in between."""
    start, end = _run(data, generator, reach)
    return data[:start] + generator.bytes(end - start) + data[start:], start


def duplicate(data: bytes, generator: np.random.Generator, reach: int) -> Damaged:
    """A run that stands twice."""
    start, end = _run(data, generator, reach)
    return data[:end] + data[start:], end


def swap(data: bytes, generator: np.random.Generator, reach: int) -> Damaged:
    """Two runs of one length that changed places."""
    length = int(generator.integers(1, min(LONGEST_RUN, len(data) // 2) + 1))
    first, second = sorted(int(i) for i in generator.integers(0, len(data) - length + 1, 2))
    first = min(first, int(generator.integers(0, reach)))
    second = min(max(second, first + length), len(data) - length)
    if second < first + length:
        return truncate(data, generator, reach)
    middle = data[first + length : second]
    moved = data[second : second + length] + middle + data[first : first + length]
    return data[:first] + moved + data[second + length :], first


def interesting_integer(data: bytes, generator: np.random.Generator, reach: int) -> Damaged:
    """A number on which programs stumble, of 2 or 4 bytes in either order."""
    value = INTERESTING[generator.integers(len(INTERESTING))]
    size = int(generator.choice([2, 4]))
    order = "little" if generator.integers(2) else "big"
    start = int(generator.integers(0, reach))
    number = (value & (256**size - 1)).to_bytes(size, order)
    return (data[:start] + number + data[start + size :])[: len(data)], start


def _overwritten(data: bytes, generator: np.random.Generator, reach: int, fill: bytes) -> Damaged:
    start, end = _run(data, generator, reach)
    return data[:start] + fill * (end - start) + data[end:], start


def _run(data: bytes, generator: np.random.Generator, reach: int) -> tuple[int, int]:
    start = int(generator.integers(0, reach))
    # Short runs as often as long ones.
    length = int(np.exp(generator.uniform(0, np.log(LONGEST_RUN))))
    return start, min(start + length, len(data))


BYTEWISE: dict[str, Callable[[bytes, np.random.Generator, int], Damaged]] = {
    "flip bits": flip_bits,
    "random bytes": random_bytes,
    "zeros": zeros,
    "ones": ones,
    "truncate": truncate,
    "delete": delete,
    "insert": insert,
    "duplicate": duplicate,
    "swap": swap,
    "interesting integer": interesting_integer,
}
