"""GIF to RGB: an image, or a clip where there are several frames.

Pillow decodes it: as fast as FFmpeg, to equal pixels, and it tells of damaged data, which FFmpeg
shows as it comes. Transparency is dropped: such pixels have the colour that the palette names.

Source: GIF89a (CompuServe, 1990).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from tfmed.errors import ReadError
from tfmed.image import Image
from tfmed.io.frames import chosen_frames, empty_clip
from tfmed.io.guard import check_size, reading

IMAGE, EXTENSION, TRAILER = 0x2C, 0x21, 0x3B
_DELAY = 0xF9  # the extension that holds a frame's time, in hundredths of a second


@dataclass(frozen=True)
class GifHeader:
    """What a GIF's blocks tell.

    Attributes:
        height: rows.
        width: columns.
        frames: images one after the other.
        frame_rate_hz: frames a second on average, or None where no time is told.
    """

    height: int
    width: int
    frames: int
    frame_rate_hz: float | None


def read(path: str | Path, frame: int = -1, sample: int = 0) -> Image:
    """Read a GIF file, or some of its frames.

    Args:
        path: the file.
        frame: index of one frame, or -1 for all.
        sample: how many evenly spaced frames make the clip; 0 for all.

    Returns:
        uint8 `[H, W, 3]` of one frame, else the clip `[T, H, W, 3]`.

    Raises:
        ReadError: damaged, cut short, or more than 2 GiB of frames.
    """
    with reading(path, "the GIF image cannot be decoded"):
        header = read_header(path)
        wanted = chosen_frames(path, header.frames, frame, sample)
        clip = header.frames > 1 and frame < 0
        if not clip:
            wanted = wanted[:1]
        pixels = empty_clip(path, len(wanted), header.height, header.width)
        with Pillow.open(path, formats=("GIF",)) as image:
            for index in range(header.frames):
                # Each is drawn over the one before: none can be left out.
                image.seek(index)
                image.load()
                if image.size != (header.width, header.height):
                    raise ReadError(path, "a frame is larger than its canvas")
                if index in wanted:
                    pixels[wanted == index] = np.asarray(image.convert("RGB"))
    return Image(
        pixels=pixels if clip else pixels[0],
        clip=clip,
        frame_rate_hz=header.frame_rate_hz if clip else None,
        frames=header.frames,
    )


def read_header(path: str | Path) -> GifHeader:
    """Count the frames of a GIF by its blocks; no pixel is decoded.

    Raises:
        ReadError: it is cut short, damaged, or of a size that cannot be.
    """
    with reading(path, "it is cut short"):
        data = Path(path).read_bytes()
        width, height = (int.from_bytes(data[at : at + 2], "little") for at in (6, 8))
        check_size(path, height, width, 3, 1)
        frames, delays = 0, 0
        place = 13 + _table_bytes(data[10])
        while data[place] != TRAILER:
            if data[place] == IMAGE:
                place += 10 + _table_bytes(data[place + 9])
                frames += 1
            elif data[place] == EXTENSION:
                if data[place + 1] == _DELAY:
                    delays += int.from_bytes(data[place + 4 : place + 6], "little")
                place += 1
            else:
                raise ReadError(path, "a block is damaged")
            place = _behind_blocks(data, place + 1)
    if frames == 0:
        raise ReadError(path, "a GIF without an image")
    return GifHeader(height, width, frames, 100 * frames / delays if delays else None)


def _table_bytes(flags: int) -> int:
    """The length of the colour table that a byte of flags tells of."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _behind_blocks(data: bytes, place: int) -> int:
    """The place behind a row of data blocks, which an empty one ends."""
    while data[place]:
        place += 1 + data[place]
    return place + 1
