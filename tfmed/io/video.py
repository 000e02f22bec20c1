"""Video to RGB frames: MP4, MOV, AVI, MPEG, Matroska and WebM, by FFmpeg through PyAV.

The container's format is told from its content, so that no file is taken for a playlist. Frames
always have three channels: colour is stored at half the resolution and is never quite grey. They
are turned as the display matrix says; pixels that are not square stay as they are stored, and
sound is left out.

Decoding goes through the clip once and keeps the frames that were asked for. A damaged frame
makes the whole clip unreadable, whether it is asked for or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from tfmed.errors import ReadError
from tfmed.image import Image
from tfmed.io.frames import chosen_frames, empty_clip
from tfmed.io.guard import reading

# FFmpeg's names of containers, by the bytes that a file begins with.
_CONTAINERS: tuple[tuple[bytes, str], ...] = (
    (b"RIFF", "avi"),
    (b"\x1a\x45\xdf\xa3", "matroska"),
    (b"\0\0\x01\xba", "mpeg"),
    (b"\0\0\x01\xb3", "mpegvideo"),
    (b"\x47", "mpegts"),
)
_MOVIE = "mov"
# 8K film; what asks for more is damaged. A codec holds up to 16 such frames.
MAX_PIXELS = 2**25
_CODEC_OPTIONS = {"err_detect": "explode", "max_pixels": str(MAX_PIXELS)}
# How often an index may name the same bytes.
_READ_AGAIN = 4
_HEAD_BYTES = 256
_SEGMENT = b"\x18\x53\x80\x67"


def read(path: str | Path, frame: int = -1, sample: int = 0) -> Image:
    """Read a video file, or some of its frames.

    Args:
        path: the file.
        frame: index of one frame, or -1 for a clip.
        sample: how many evenly spaced frames make the clip; 0 for all.

    Returns:
        uint8 `[T, H, W, 3]`, or `[H, W, 3]` for one frame; `frames` is the count of the file,
        by decoding. `frame_rate_hz` is the average.

    Raises:
        ReadError: damaged, cut short (where the container tells how many frames it has), frames
            of several sizes, or more than 2 GiB of frames.
    """
    path = Path(path)
    with reading(path, "the video cannot be decoded"):
        kind = _container(path)
        count, rate = _listed(path, kind)
        pixels, decoded = _decode(path, kind, chosen_frames(path, count, frame, sample))
        if decoded != count:
            # A packet may hold no frame to show, or one of two fields.
            count = decoded
            pixels, _ = _decode(path, kind, chosen_frames(path, count, frame, sample))
    if pixels is None:
        raise ReadError(path, "a video without a frame")
    clip = frame < 0
    return Image(
        pixels=pixels if clip else pixels[0],
        clip=clip,
        frame_rate_hz=rate if clip else None,
        frames=count,
    )


def _container(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4)
    return next((kind for start, kind in _CONTAINERS if head.startswith(start)), _MOVIE)


def _open(path: Path, kind: str, **options: str) -> Any:
    """The container, and no other: an absolute path is never taken for an address."""
    return av.open(str(path.absolute()), format=kind, metadata_errors="replace", options=options)


def _listed(path: Path, kind: str) -> tuple[int, float | None]:
    """How many packets there are, and the average frame rate; no frame is decoded.

    Raises:
        ReadError: the container promises more than there are.
    """
    if kind == "matroska":
        _check_segment(path)
    count, promised, rate = _packets(path, kind)
    there = count
    if promised > count and kind == _MOVIE:
        # An edit list leaves frames out by intention.
        there = _packets(path, kind, ignore_editlist="1")[0]
    if promised > there:
        raise ReadError(path, f"it is cut short: {there} frames of the {promised} it promises")
    if count == 0:
        raise ReadError(path, "a video without a frame")
    return count, rate


def _check_segment(path: Path) -> None:
    """Refuse a Matroska file that ends before its segment does (RFC 9559, RFC 8794).

    Raises:
        ReadError: it is cut short.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    length, start = _variable(head, 4)
    start += length
    if head[start : start + 4] == _SEGMENT:
        length, start = _variable(head, start + 4)
        if start + length > path.stat().st_size:
            raise ReadError(path, "it is cut short: its segment is longer than the file")


def _variable(data: bytes, place: int) -> tuple[int, int]:
    """An EBML length at a place, 0 where it says that it is unknown, and the place behind it."""
    size = 9 - data[place].bit_length()
    ones = 2 ** (7 * size) - 1
    value = int.from_bytes(data[place : place + size], "big") & ones
    return 0 if value == ones else value, place + size


def _packets(path: Path, kind: str, **options: str) -> tuple[int, int, float | None]:
    count = size = 0
    most = _READ_AGAIN * path.stat().st_size
    with _open(path, kind, **options) as container:
        stream = _stream(path, container)
        for packet in container.demux(stream):
            count += packet.size > 0
            size += packet.size
            if size > most:
                raise ReadError(path, "its index names the same bytes again and again")
        rate = stream.average_rate
        return count, stream.frames, float(rate) if rate else None


def _stream(path: Path, container: Any) -> Any:
    """The first stream of pictures, set to tell all damage."""
    if not container.streams.video:
        raise ReadError(path, "it holds sound or text, and no pictures")
    stream = container.streams.video[0]
    codec = stream.codec_context
    if codec.width * codec.height > MAX_PIXELS:
        raise ReadError(path, f"frames of {codec.height} x {codec.width} pixels; up to 8K is read")
    codec.thread_count = 1
    codec.options = _CODEC_OPTIONS
    return stream


def _decode(path: Path, kind: str, wanted: np.ndarray) -> tuple[np.ndarray | None, int]:
    """The wanted frames `[T, H, W, 3]`, None if none is there, and how many there are in all."""
    slots: dict[int, list[int]] = {}
    for slot, index in enumerate(wanted.tolist()):
        slots.setdefault(index, []).append(slot)
    clip: np.ndarray | None = None
    decoded = 0
    with _open(path, kind) as container:
        for index, picture in enumerate(_pictures(path, container)):
            decoded += 1
            if index not in slots:
                continue
            pixels = picture.to_ndarray(format="rgb24")
            pixels = np.rot90(pixels, picture.rotation // 90)
            if clip is None:
                clip = empty_clip(path, len(wanted), *pixels.shape[:2])
            clip[slots[index]] = pixels
    return clip, decoded


def _pictures(path: Path, container: Any) -> Iterator[Any]:
    first: tuple[int, int] | None = None
    for picture in container.decode(_stream(path, container)):
        size = (picture.height, picture.width)
        first = first or size
        if size != first:
            raise ReadError(path, f"frames of {first} and of {size} pixels; one size was expected")
        if picture.is_corrupt:
            raise ReadError(path, "a frame is damaged")
        yield picture
