"""Gzip streams, inflated piece by piece in bounded memory, every checksum looked at."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

GZIP_STREAM = 31  # zlib's number for a gzip header and trailer
# Deflate makes no more than this of a byte (zlib's technical details).
MOST_INFLATED = 1032
_READ_BYTES, PIECE_BYTES = 2**18, 2**20


def inflated(file: BinaryIO) -> Iterator[bytes]:
    """The content of a gzip file from where it stands, of one member or several.

    Yields:
        Pieces of at most a megabyte.

    Raises:
        EOFError: the stream ends too early.
        zlib.error: it is damaged, or its length or CRC is not what its trailer says.
    """
    data = file.read(_READ_BYTES)
    while data:
        member = zlib.decompressobj(GZIP_STREAM)
        while not member.eof:
            piece = member.decompress(data, PIECE_BYTES)
            data = member.unconsumed_tail
            if piece:
                yield piece
            if not (data or member.eof):
                data = file.read(_READ_BYTES)
                if not (data or piece):
                    raise EOFError("the gzip stream ends too early")
        # Zeros may follow a member, as padding (gzip's manual).
        data = (member.unused_data or file.read(_READ_BYTES)).lstrip(b"\0")
        while not data and (data := file.read(_READ_BYTES)):
            data = data.lstrip(b"\0")
