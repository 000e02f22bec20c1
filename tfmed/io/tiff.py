"""TIFF to grey or RGB pixels: 8, 16 and 32 bit, float, planar, palette, several pages.

Source: TIFF 6.0 (Adobe, 1992).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image as Pillow

from tfmed.errors import ReadError
from tfmed.image import Image
from tfmed.io.guard import check_size, reading
from tfmed.io.raster import with_channels

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
# What tifffile decodes with no codec package: none, deflate (two numbers) and LZMA.
_PLAIN_COMPRESSIONS = (1, 8, 32946, 34925)
_REDUCED = 1
RGB_SAMPLES = 3
# FFmpeg's names of what it decodes a 16-bit TIFF in colour to, whole.
_DEEP_COLOURS = ("rgb48", "rgba64", "gbrp16", "gbrap16")


def read(path: str | Path, frame: int = -1) -> Image:
    """Read a TIFF file, or one page of it.

    Transparency and other extra samples are dropped; white-is-zero is turned; a palette and
    CMYK become 8-bit RGB; 1 bit becomes 0 and 255; thumbnails among the pages are left out.

    Args:
        path: the file.
        frame: index of a page, or -1 for all.

    Returns:
        `[H, W, C]`, or `[D, H, W, C]` for all of several pages: integers as stored, or
        float32.

    Raises:
        ReadError: damaged, pages of several shapes, values that are not finite, or a
            compression that no decoder here keeps whole.
    """
    with (
        reading(path, "the TIFF image cannot be decoded"),
        tifffile.TiffFile(path) as file,
    ):
        every: list[Any] = list(file.pages)
        _check_chain(path, file)
        pages = [page for page in every if not int(page.subfiletype or 0) & _REDUCED]
        shapes = {(page.shape, page.dtype, int(page.photometric)) for page in pages}
        if len(shapes) != 1:
            raise ReadError(path, f"{len(pages)} pages of {len(shapes)} shapes; one was expected")
        if not -1 <= frame < len(pages):
            raise ReadError(path, f"page {frame} was asked for, it has {len(pages)}")
        first = pages[0]
        _check(path, first, len(pages))
        chosen = pages if frame < 0 else pages[frame : frame + 1]
        stack = np.stack([_page(path, page) for page in chosen])
    if stack.dtype.kind == "f" and not np.isfinite(stack).all():
        raise ReadError(path, "it holds values that are not finite")
    bits = max(8, int(first.bitspersample)) if stack.dtype != np.uint8 else 8
    return Image(pixels=stack if len(stack) > 1 else stack[0], bits=bits, frames=len(pages))


def _check_chain(path: str | Path, file: tifffile.TiffFile) -> None:
    """Refuse a chain of pages that leads out of the file, where tifffile stops without a word."""
    file.filehandle.seek(file.pages.next_page_offset or 0)
    if any(file.filehandle.read(file.tiff.offsetsize)):
        raise ReadError(path, "pages are missing: it is cut short or damaged")


def _check(path: str | Path, page: Any, pages: int) -> None:
    samples = int(page.samplesperpixel)
    if page.dtype is None or page.dtype.kind not in "biuf":
        raise ReadError(path, "its sample type is none that can be read")
    if page.imagedepth != 1 or samples > 4:
        raise ReadError(path, f"{samples} samples a pixel; 1 to 4 can be read")
    check_size(path, page.imagelength, page.imagewidth, samples * pages, page.dtype.itemsize)


def _page(path: str | Path, page: Any) -> np.ndarray:
    """One page as `[H, W, 1 or 3]`."""
    photometric = int(page.photometric)
    own = int(page.compression) in _PLAIN_COMPRESSIONS and photometric not in (CMYK, YCBCR)
    if not own or page.bitspersample not in (1, 8, 16, 32, 64):
        deep = int(page.samplesperpixel) > 1 and int(page.bitspersample) > 8
        return _by_ffmpeg(path, page) if deep else _by_pillow(path, page)
    pixels = page.asarray()
    samples = int(page.samplesperpixel)
    if samples > 1 and int(page.planarconfig) == 2:
        pixels = np.moveaxis(pixels, 0, -1)
    pixels = pixels.reshape(page.imagelength, page.imagewidth, samples)
    if photometric == PALETTE:
        # The map is [3, entries] of 16 bits; palettes are made of 8-bit colours.
        return (np.moveaxis(page.colormap, 0, -1) >> 8).astype(np.uint8)[pixels[..., 0]]
    if photometric not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB):
        raise ReadError(path, f"photometric interpretation {photometric} cannot be read")
    pixels = pixels[..., : 3 if samples >= 3 else 1]
    if photometric == WHITE_IS_ZERO and pixels.dtype.kind in "bu":
        pixels = ~pixels
    if pixels.dtype == bool:
        return pixels.astype(np.uint8) * np.uint8(255)
    if pixels.dtype.kind == "f" or pixels.dtype.itemsize == 8:
        return pixels.astype(np.float32)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _by_ffmpeg(path: str | Path, page: Any) -> np.ndarray:
    """16-bit RGB under LZW or PackBits, which Pillow would cut to 8 bits.

    FFmpeg leaves rows that it cannot decode black without a word, so Pillow's 8 bits, for which
    libtiff checks the data, must be the upper half of its 16.

    Raises:
        ReadError: it is of another compression or depth, or damaged.
    """
    import av

    with av.open(str(Path(path).absolute()), format="tiff_pipe") as container:
        stream = container.streams.video[0]
        # FFmpeg counts pages from 1.
        stream.codec_context.options = {"page": str(page.index + 1)}
        picture = next(container.decode(stream))
    if int(page.bitspersample) != 16 or not picture.format.name.startswith(_DEEP_COLOURS):
        raise ReadError(path, f"{page.bitspersample}-bit colour with this TIFF compression")
    alpha = int(page.samplesperpixel) > RGB_SAMPLES
    pixels: np.ndarray = picture.to_ndarray(format="rgba64le" if alpha else "rgb48le")[
        ..., :RGB_SAMPLES
    ]
    if not np.array_equal(pixels >> 8, _by_pillow(path, page)):
        raise ReadError(path, "its compressed data is damaged")
    return pixels


def _by_pillow(path: str | Path, page: Any) -> np.ndarray:
    """What needs a codec (LZW, JPEG, PackBits ...) or a colour conversion, by libtiff."""
    with Pillow.open(path, formats=("TIFF",)) as image:
        image.seek(page.index)
        image.load()
        pixels = with_channels(image)
    if int(page.bitspersample) == 16 and page.dtype.kind in "ui":
        pixels = pixels.astype(page.dtype, copy=False)
        if int(page.photometric) == WHITE_IS_ZERO:  # Pillow turns 1 and 8 bits only.
            pixels = ~pixels
    return pixels
