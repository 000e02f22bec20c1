"""PNG, JPEG and BMP to grey or RGB pixels; 16 bits stay 16 bits.

Transparency is dropped, a palette becomes RGB, CMYK becomes RGB, 1 bit becomes 0 and 255, and a
JPEG is turned as its EXIF orientation says.

TensorFlow's decoders give the same pixels for files whose `read_header(path).native` is true:
`decode_png` with `dtype=tf.uint16` where `bits` is 16; `decode_jpeg` only with
`dct_method="INTEGER_ACCURATE"` and `fancy_upscaling=True` (the default method is up to 8 shades
off, and 21 without fancy upscaling).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from tfmed.errors import ReadError
from tfmed.image import Image
from tfmed.io import jpeg
from tfmed.io.formats import sniff
from tfmed.io.guard import check_size, reading

PILLOW_FORMATS = {"png": ("PNG",), "jpeg": ("JPEG", "MPO"), "bmp": ("BMP",)}
CUT_SHORT = "it is cut short"
PNG_GREY, PNG_RGB, PNG_PALETTE, PNG_GREY_ALPHA, PNG_RGB_ALPHA = 0, 2, 3, 4, 6
_PNG_SAMPLES = {PNG_GREY: 1, PNG_RGB: 3, PNG_PALETTE: 1, PNG_GREY_ALPHA: 2, PNG_RGB_ALPHA: 4}
_FFMPEG_SAMPLES = {"gray16be": 1, "ya16be": 2, "rgb48be": 3, "rgba64be": 4}
# The seven passes of an interlaced PNG (ISO 15948, 8.2): first column and row, then the steps.
_ADAM7 = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
_TURNED = range(5, 9)
_BMP_PADDING_BYTES = 3
# Not progressive: where scans are missing, the libjpegs smooth what there is each in its way.
_NATIVE_PROCESSES = (0xC0, 0xC1)


@dataclass(frozen=True)
class RasterHeader:
    """What a PNG, JPEG or BMP is, before decoding.

    Attributes:
        kind: `"png"`, `"jpeg"` or `"bmp"`.
        height: rows as read (after an EXIF turn).
        width: columns as read.
        channels: 1 or 3 as read.
        bits: 8 or 16, of the pixels as read.
        native: whether TensorFlow's decoder gives equal pixels (see the module's text).
    """

    kind: str
    height: int
    width: int
    channels: int
    bits: int
    native: bool


def read_header(path: str | Path) -> RasterHeader:
    """Read what a PNG, JPEG or BMP file says of itself; no pixel is decoded.

    Raises:
        UnsupportedFormat: the content is none of these.
        ReadError: the header is damaged or asks for a size that cannot be.
    """
    kind = sniff(path)
    with reading(path, f"the {kind.upper()} header cannot be parsed"):
        if kind == "png":
            header = _png_header(path, Path(path).read_bytes())
        elif kind == "jpeg":
            header = _jpeg_header(Path(path).read_bytes())
        elif kind == "bmp":
            header = _bmp_header(path)
        else:
            raise ReadError(path, f"{kind} where a PNG, JPEG or BMP was expected")
    check_size(path, header.height, header.width, header.channels, header.bits // 8)
    return header


def read(path: str | Path, frame: int = -1) -> Image:
    """Read a PNG, JPEG or BMP file.

    Args:
        path: the file.
        frame: 0 or -1: there is only one.

    Returns:
        uint8 or, of 16 bits, uint16 `[H, W, C]`.

    Raises:
        ReadError: damaged, cut short, or of a kind that no decoder here keeps whole.
    """
    if frame not in (-1, 0):
        raise ReadError(path, f"frame {frame} was asked for, it has 1")
    header = read_header(path)
    with reading(path, f"the {header.kind.upper()} image cannot be decoded"):
        if header.bits == 16 and not (header.native and header.channels == 1):
            pixels = _deep_png(Path(path), header.channels)
        else:
            pixels = _pillow(path, header)
            # Pillow leaves rows without data bare, of one value, and often says nothing.
            if header.kind == "png" and (pixels[-1] == pixels[-1, 0]).all():
                _check_rows(path, Path(path).read_bytes())
    expected = (header.height, header.width, header.channels)
    if pixels.shape != expected:
        raise ReadError(path, f"decoded to shape {pixels.shape}, its header says {expected}")
    return Image(pixels=pixels, bits=header.bits)


def with_channels(image: Pillow.Image) -> np.ndarray:
    """A Pillow image as `[H, W, 1]` or `[H, W, 3]`; transparency dropped."""
    if image.mode in ("1", "LA", "La"):
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "F", "I") and not image.mode.startswith("I;16"):
        image = image.convert("RGB")
    pixels = np.asarray(image)
    return pixels[..., np.newaxis] if pixels.ndim == 2 else pixels


def _pillow(path: str | Path, header: RasterHeader) -> np.ndarray:
    with Pillow.open(path, formats=PILLOW_FORMATS[header.kind]) as image:
        image.load()
        turned = ImageOps.exif_transpose(image) if header.kind == "jpeg" else image
        pixels = with_channels(turned)
    return pixels.astype(np.uint16 if header.bits == 16 else np.uint8, copy=False)


def _jpeg_header(data: bytes) -> RasterHeader:
    found = jpeg.parse(data)
    height, width = found.height, found.width
    if found.orientation in _TURNED:
        height, width = width, height
    native = (
        found.process in _NATIVE_PROCESSES
        and found.bits == 8
        and found.components in (1, 3)
        and found.orientation == 1
    )
    channels = 1 if found.components == 1 else 3
    return RasterHeader("jpeg", height, width, channels, 8, native)


def _bmp_header(path: str | Path) -> RasterHeader:
    """The header, if the file is as long as it says; writers that do not know say 0."""
    there = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        promised = int.from_bytes(file.read(6)[2:], "little")
    if promised and there < promised:
        raise ReadError(path, CUT_SHORT)
    if promised and there > promised + _BMP_PADDING_BYTES:
        raise ReadError(path, "it holds more bytes than its header promises")
    with Pillow.open(path, formats=PILLOW_FORMATS["bmp"]) as image:
        channels = 1 if image.mode in ("1", "L") else 3
        return RasterHeader("bmp", image.height, image.width, channels, 8, False)


def _png_header(path: str | Path, data: bytes) -> RasterHeader:
    chunks = [name for name, _ in _png_chunks(path, data)]
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    before_pixels = chunks[: chunks.index(b"IDAT")]
    if before_pixels[:1] != [b"IHDR"] or (colour == PNG_PALETTE and b"PLTE" not in before_pixels):
        raise ReadError(path, "its chunks are not complete and in order")
    grey = colour in (PNG_GREY, PNG_GREY_ALPHA)
    plain = not {b"tRNS", b"acTL"}.intersection(chunks)
    native = depth in (8, 16) and colour in (PNG_GREY, PNG_RGB) and plain
    bits = 16 if depth == 16 else 8
    return RasterHeader("png", height, width, 1 if grey else 3, bits, native)


def _png_chunks(path: str | Path, data: bytes) -> list[tuple[bytes, int]]:
    """Names and places of a PNG's chunks, every one whole by its checksum.

    Raises:
        ReadError: a chunk is cut short or damaged, or the last is missing.
    """
    chunks: list[tuple[bytes, int]] = []
    position = 8
    while position + 12 <= len(data):
        length, name = struct.unpack(">I4s", data[position : position + 8])
        end = position + 12 + length
        if end > len(data):
            break
        checksum = int.from_bytes(data[end - 4 : end], "big")
        if zlib.crc32(memoryview(data)[position + 4 : end - 4]) != checksum:
            raise ReadError(path, "a chunk is damaged")
        chunks.append((name, position))
        if name == b"IEND":
            return chunks
        position = end
    raise ReadError(path, CUT_SHORT)


def _deep_png(path: Path, channels: int) -> np.ndarray:
    """16-bit RGB, or 16 bits with transparency, which Pillow would cut to 8: by FFmpeg.

    Raises:
        ReadError: rows are missing, which FFmpeg leaves black without a word.
    """
    import av

    _check_rows(path, path.read_bytes())
    with av.open(str(path), format="png_pipe") as container:
        picture = next(container.decode(video=0))
    samples = _FFMPEG_SAMPLES[picture.format.name]
    plane = picture.planes[0]
    rows = np.frombuffer(bytes(plane), ">u2").reshape(picture.height, plane.line_size // 2)
    pixels = rows[:, : picture.width * samples].reshape(picture.height, picture.width, samples)
    return pixels[..., :channels].astype(np.uint16)


def _check_rows(path: str | Path, data: bytes) -> None:
    """Compare the inflated length of a PNG with what its header asks for."""
    width, height, depth, colour, *_, interlace = struct.unpack(">IIBBBBB", data[16:29])
    expected = 0
    for x, y, step_x, step_y in _ADAM7 if interlace else ((0, 0, 1, 1),):
        columns, rows = -(-(width - x) // step_x), -(-(height - y) // step_y)
        row_bytes = 1 + -(-columns * _PNG_SAMPLES[colour] * depth // 8)
        expected += rows * row_bytes if columns > 0 else 0
    inflate, missing = zlib.decompressobj(), expected
    for name, position in _png_chunks(path, data):
        if name == b"IDAT" and missing > 0:
            length = int.from_bytes(data[position : position + 4], "big")
            packed = data[position + 8 : position + 8 + length]
            missing -= len(inflate.decompress(packed, missing))
    if missing > 0:
        raise ReadError(path, CUT_SHORT)
