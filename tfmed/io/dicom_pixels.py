"""Where a DICOM file's frames lie in it, and whether all of their bytes are there.

Source: DICOM PS3.5 8.1.1 and A.4 (native and encapsulated pixel data), PS3.3 C.7.6.3.1.8
(extended offset table).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from tfmed.errors import ReadError
from tfmed.io.dicom_file import EXPLICIT_BIG, UNCOMPRESSED, DicomFile
from tfmed.io.dicom_walk import PIXEL_TAGS, UNDEFINED, Head, walk

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_END_OF_IMAGE = b"\xff\xd9"
_PADDED_TO = 512  # bytes of a block, which old archives fill up with zeros

Piece = tuple[int, int]


@dataclass(frozen=True)
class Frames:
    """The bytes of each frame.

    Attributes:
        keyword: `"PixelData"`, `"FloatPixelData"` or `"DoubleFloatPixelData"`.
        pieces: offset and length of each frame's parts, in order. One entry for all frames
            where these may begin within a byte (1 bit a pixel) or a swapped word (big endian).
        encapsulated: whether each frame is a stream of a codec's.
    """

    keyword: str
    pieces: tuple[tuple[Piece, ...], ...]
    encapsulated: bool

    def read(self, file: DicomFile, chosen: Sequence[int]) -> bytes:
        """Some entries of `pieces`, joined."""
        if not self.encapsulated and len(chosen) == len(self.pieces):
            (start, _), (last, length) = self.pieces[0][0], self.pieces[-1][0]
            return file.read(start, last + length - start)
        parts = [file.read(*piece) for index in chosen for piece in self.pieces[index]]
        return parts[0] if len(parts) == 1 else b"".join(parts)


def locate(file: DicomFile, frames: int, frame_bytes: float) -> Frames:
    """Find a file's frames.

    Args:
        file: taken apart.
        frames: how many its header promises.
        frame_bytes: what one takes uncompressed by its header; eighths for 1 bit a pixel.

    Raises:
        ReadError: bytes are missing or left over, or the data is not packed as the transfer
            syntax says.
    """
    keyword = PIXEL_TAGS[file.pixels.tag]
    encapsulated = file.syntax not in UNCOMPRESSED
    if encapsulated != (file.pixels.length == UNDEFINED):
        raise ReadError(file.path, "pixel data is not packed as its transfer syntax says")
    if encapsulated:
        parts, end = _fragments(file)
        _check_tail(file, end)
        return Frames(keyword, _by_frame(file, parts, frames), encapsulated=True)
    _check_length(file, math.ceil(frames * frame_bytes))
    _check_tail(file, file.pixels.start + file.pixels.length)
    start = file.pixels.start
    if frame_bytes != int(frame_bytes) or file.syntax == EXPLICIT_BIG:
        whole = ((start, file.pixels.length),)
        return Frames(keyword, (whole,), encapsulated=False)
    size = int(frame_bytes)
    places = tuple(((start + index * size, size),) for index in range(frames))
    return Frames(keyword, places, encapsulated=False)


def _check_length(file: DicomFile, expected: int) -> None:
    """Compare the bytes of uncompressed data with what the header asks for.

    A header whose rows or frames are damaged asks for less than there is, which would decode
    without a word; zeros behind the last pixel are padding and harmless.
    """
    length = file.pixels.length
    there = min(length, file.size - file.pixels.start)
    if there < length or length < expected:
        raise ReadError(file.path, f"pixel data is cut short: {there} of {expected} bytes")
    excess = length - expected
    if excess > 1 and (excess > expected or any(file.read(file.pixels.start + expected, excess))):
        raise ReadError(
            file.path, f"{length} bytes of pixel data where the header describes {expected}"
        )


def _check_tail(file: DicomFile, end: int) -> None:
    """Walk what follows the pixel data: bytes that were put into it push its last ones here."""
    left = file.size - end
    if left == 0:
        return
    file.file.seek(end)
    tail = Head(file.file, file.path)
    padded = left == 1 or file.size % _PADDED_TO == 0
    if padded and left < len(tail.data) + 1 and not any(tail.data):
        return
    _, again = walk(tail, 0, file.coding, {})
    if again is not None:
        raise tail.damaged("it holds pixel data twice")


def _fragments(file: DicomFile) -> tuple[list[Piece], int]:
    """Offset and length of all fragments, the offset table first, and where they end."""
    position, size = file.pixels.start, file.size
    parts: list[Piece] = []
    while True:
        head = file.read(position, 8) if position + 8 <= size else b""
        position += 8
        length = int.from_bytes(head[4:], "little")
        if head[:4] == _END and length == 0 and parts:
            return parts, position
        if head[:4] != _ITEM or position + length > size:
            raise ReadError(file.path, "damaged DICOM: its compressed frames are cut or torn")
        parts.append((position, length))
        position += length


def _by_frame(file: DicomFile, parts: list[Piece], frames: int) -> tuple[tuple[Piece, ...], ...]:
    """Give each frame its fragments."""
    table, pieces = parts[0], parts[1:]
    # One fragment a frame is clear without the table, which some writers fill wrongly.
    if len(pieces) == frames:
        return tuple((piece,) for piece in pieces)
    if frames == 1 and pieces:
        return (tuple(pieces),)
    grouped: list[list[Piece]] = []
    if table[1]:
        entries = struct.unpack(f"<{table[1] // 4}I", file.read(table[0], table[1] // 4 * 4))
        first = pieces[0][0] - 8 if pieces else 0
        starts = {first + entry for entry in entries}
        for piece in pieces:
            if piece[0] - 8 in starts or not grouped:
                grouped.append([])
            grouped[-1].append(piece)
        if len(grouped) != len(entries):
            raise ReadError(file.path, "damaged DICOM: its table of frames points elsewhere")
    else:
        done = True
        for offset, length in pieces:
            grouped += [[]] if done else []
            grouped[-1].append((offset, length))
            done = _END_OF_IMAGE in file.read(offset + max(0, length - 10), min(length, 10))
    if len(grouped) != frames:
        raise ReadError(
            file.path, f"{len(grouped)} compressed frames where its header promises {frames}"
        )
    return tuple(tuple(group) for group in grouped)
