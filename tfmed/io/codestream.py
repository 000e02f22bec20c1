"""The size that a compressed frame itself asks for, told before a decoder allocates it.

Source: ITU-T T.81 annex B (JPEG), T.87 annex C (JPEG-LS), T.800 annex A.5.1 (JPEG 2000, SIZ).
"""

from __future__ import annotations

import itertools
import struct

from rle.rle import decode_segment  # type: ignore[import-not-found]

from tfmed.io import jpeg

# The same for all three; some writers pad with 0xFF instead of 0.
_END = b"\xff\xd9"
_PADDING = 2
_RLE_HEADER = 64
_JPEG2000_START = b"\xff\x4f\xff\x51"
_JP2_START = b"\0\0\0\x0cjP  \r\n\x87\n"


def check(frame: bytes, height: int, width: int, samples: int) -> None:
    """Compare what a frame asks for with what the file's header says, and look for its end.

    A few changed bytes make a 300 kB frame ask for 20 GB, which ends the process. Most decoders
    make an image of a frame that is cut short.

    Args:
        frame: a JPEG, JPEG-LS or JPEG 2000 stream; others pass.
        height: rows by the header.
        width: columns by the header.
        samples: samples a pixel by the header.

    Raises:
        ValueError: it asks for something else, has no end, or its own header is damaged.
    """
    found = size(frame)
    if found is None:
        return
    if found != (height, width, samples):
        raise ValueError("a frame is not of the size that the header says")
    if _END not in frame.rstrip(b"\0")[-len(_END) - _PADDING :]:
        raise ValueError("a frame has no end")


def run_lengths(frame: bytes, pixels: int, samples: int, bits_allocated: int) -> list[bytes]:
    """Decode a run-length coded frame to its planes of bytes.

    Args:
        frame: PS3.5 annex G: its own header is 16 numbers, a count and where segments begin.
        pixels: rows times columns, by the file's header.
        samples: samples a pixel, by the file's header.
        bits_allocated: of a sample.

    Returns:
        One plane a segment: of each sample in turn, its most significant byte first.

    Raises:
        ValueError: segments are others than the header says, or hold more or fewer pixels.
    """
    segments, *starts = struct.unpack("<16I", frame[:_RLE_HEADER])
    used = [*starts[:segments], len(frame)]
    ordered = all(one < other for one, other in itertools.pairwise(used))
    if segments != samples * bits_allocated // 8 or used[0] != _RLE_HEADER or not ordered:
        raise ValueError("a frame's segments are not those that the header says")
    planes = [decode_segment(frame[start:end]) for start, end in itertools.pairwise(used)]
    if any(len(plane) != pixels for plane in planes):
        raise ValueError("a frame holds more or fewer pixels than the header says")
    return planes


def size(frame: bytes) -> tuple[int, int, int] | None:
    """Height, width and samples of a JPEG, JPEG-LS or JPEG 2000 stream; None for others.

    Raises:
        ValueError: the stream's header is damaged.
    """
    if frame.startswith(b"\xff\xd8"):
        header = jpeg.parse(frame)
        return header.height, header.width, header.components
    start = _after_boxes(frame) if frame.startswith(_JP2_START[:8]) else 0
    if frame[start : start + 4] != _JPEG2000_START:
        return None
    fields = frame[start + 8 : start + 42]
    if len(fields) < 34:
        raise ValueError("cut short")
    right, bottom, left, top = struct.unpack(">IIII", fields[:16])
    return bottom - top, right - left, struct.unpack(">H", fields[32:34])[0]


def _after_boxes(frame: bytes) -> int:
    """Where the stream starts in a JP2 file (T.800 annex I.4).

    Raises:
        ValueError: a box has no length, on which pydicom would walk in place for ever.
    """
    position = len(_JP2_START)
    while position < len(frame):
        if frame[position + 4 : position + 8] == b"jp2c":
            return position + 8
        length = int.from_bytes(frame[position : position + 4], "big")
        if length < 8:
            break
        position += length
    raise ValueError("damaged box")
