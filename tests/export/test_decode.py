"""PNG and JPEG in the graph, with Pillow as the independent reader."""

import contextlib
import functools
import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from export.samples import png
from PIL import Image as Pillow
from PIL import ImageOps

from tfmed.export.decode import decode
from tfmed.export.pixels import PixelCode

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (16, 24), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (16, 24, 3), dtype=np.uint8)
WHITE = np.array([0.299, 0.587, 0.114])


# A message that quotes the bytes of a bad file is no UTF-8: Python cannot make the error of it.
REFUSED = (tf.errors.InvalidArgumentError, UnicodeDecodeError)


@functools.cache
def graph(pixels, channels):
    return tf.function(
        lambda data: decode(data, pixels, channels),
        input_signature=[tf.TensorSpec([], tf.string)],
    )


def read(data, pixels=None, channels=1):
    return graph(pixels or PixelCode(), channels)(tf.constant(data)).numpy()


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("noted", [{}, {0x010F: "maker", 0x0110: "model"}])
def test_a_jpeg_is_turned_as_its_exif_says(turn, noted):
    exif = Pillow.Exif()
    for tag, value in {**noted, 0x0112: turn}.items():
        exif[tag] = value
    data = png(GREY, "JPEG", exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Pillow.open(io.BytesIO(data))))
    assert np.array_equal(read(data)[..., 0], upright)


def test_a_big_endian_exif_is_read():
    directory = struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    segment = b"Exif\0\0MM\0*" + struct.pack(">I", 8) + directory
    plain = png(GREY, "JPEG")
    data = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]
    assert np.array_equal(read(data), np.rot90(read(plain), -1))


@pytest.mark.parametrize("tag", ["Exif\0\0MM\0*\xff\xff\xff\xff", "Exif\0\0"])
def test_a_damaged_exif_ends_in_an_error_or_the_plain_image(tag):
    segment = tag.encode("latin-1")
    plain = png(GREY, "JPEG")
    data = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]
    with contextlib.suppress(REFUSED):
        assert np.array_equal(read(data), read(plain))


def test_a_turn_that_only_xmp_names_is_refused():
    text = b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>'
    plain = png(GREY, "JPEG")
    data = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(text) + 2) + text + plain[2:]
    with pytest.raises(REFUSED):
        read(data)


def test_grey_and_colour_become_what_the_network_takes():
    assert np.array_equal(read(png(GREY), channels=3), np.repeat(GREY[..., None], 3, -1))
    assert np.array_equal(read(png(COLOUR), channels=3), COLOUR)
    assert np.allclose(read(png(COLOUR))[..., 0], COLOUR @ WHITE, atol=1e-3)
    assert np.array_equal(
        read(png(GREY, "JPEG"))[..., 0], Pillow.open(io.BytesIO(png(GREY, "JPEG")))
    )


def test_transparency_is_dropped_and_a_palette_becomes_colour():
    clear = np.concatenate([COLOUR, GREY[..., None]], axis=-1)
    assert np.array_equal(read(png(clear), channels=3), COLOUR)
    assert np.array_equal(read(png(Pillow.fromarray(GREY).convert("LA")))[..., 0], GREY)
    palette = Pillow.fromarray(COLOUR).quantize(16)
    assert np.array_equal(read(png(palette), channels=3), palette.convert("RGB"))


def test_16_bits_stay_16_bits():
    deep = RANDOM.integers(0, 65536, (9, 7), dtype=np.uint16)
    assert np.array_equal(read(png(deep), PixelCode(16))[..., 0], deep)
    signed = read(png(deep), PixelCode(16, 1.0, -32768.0))
    assert np.array_equal(signed[..., 0], deep.astype(np.float32) - 32768)


def _chunk(name, content):
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def _bomb():
    """A PNG of a few bytes whose header asks for 20000 x 20000."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 20000, 20000, 8, 0, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", zlib.compress(b"")) + _chunk(b"IEND", b"")
    )


def _large_jpeg():
    """A JPEG whose frame header asks for 20000 x 20000."""
    data = png(GREY, "JPEG")
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", 20000, 20000) + data[place + 4 :]


BAD = {
    "empty": b"",
    "text": b"not an image at all, by far",
    "start": b"\x89PNG\r\n\x1a\n",
    "cut_png": png(GREY)[:-40],
    "cut_jpeg": png(COLOUR, "JPEG")[:-200],
    "png_bomb": _bomb(),
    "jpeg_bomb": _large_jpeg(),
    "cmyk": png(Pillow.fromarray(COLOUR).convert("CMYK"), "JPEG"),
    "deep": png(GREY.astype(np.uint16) * 257),
    "bit": png(Pillow.fromarray(GREY > 99)),
    "gif": png(GREY, "GIF"),
    "bmp": png(GREY, "BMP"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_valid_is_an_error(name):
    with pytest.raises(REFUSED):
        read(BAD[name])


@pytest.mark.parametrize("data", [png(GREY), png(GREY, "JPEG")])
def test_8_bits_are_not_16(data):
    with pytest.raises(REFUSED):
        read(data, PixelCode(16))
