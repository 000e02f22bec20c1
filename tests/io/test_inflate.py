"""Gzip streams: equal to gzip's own answer, whole or not at all, in pieces."""

from __future__ import annotations

import gzip
import io
import zlib

import makers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfmed.io.inflate import PIECE_BYTES, inflated


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=4), st.integers(0, 9))
def test_members_follow_each_other(parts: list[bytes], padding: int) -> None:
    stream = b"".join(map(gzip.compress, parts)) + bytes(padding)
    assert b"".join(inflated(io.BytesIO(stream))) == b"".join(parts)


@pytest.mark.parametrize("size", [PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 5_000_000])
@pytest.mark.parametrize("high", [1, 256])
def test_pieces_are_bounded_and_make_the_whole(size: int, high: int) -> None:
    data = makers.noise((size,), high=high).tobytes()
    pieces = list(inflated(io.BytesIO(gzip.compress(data, 1))))
    assert max(map(len, pieces)) <= PIECE_BYTES
    assert b"".join(pieces) == data


@pytest.mark.parametrize("size", [1000, PIECE_BYTES])
def test_a_stream_cut_anywhere_is_told(size: int) -> None:
    stream = gzip.compress(makers.noise((size,), high=4).tobytes())
    for end in (*range(1, 40), len(stream) // 2, *range(len(stream) - 12, len(stream))):
        with pytest.raises((EOFError, zlib.error)):
            list(inflated(io.BytesIO(stream[:end])))


def test_a_wrong_checksum_or_length_is_told() -> None:
    stream = bytearray(gzip.compress(b"voxels" * 100))
    for place in (-1, -5):
        damaged = bytearray(stream)
        damaged[place] ^= 1
        with pytest.raises(zlib.error):
            list(inflated(io.BytesIO(damaged)))


def test_what_follows_and_is_no_gzip_is_told() -> None:
    with pytest.raises(zlib.error):
        list(inflated(io.BytesIO(gzip.compress(b"voxels") + b"more")))
