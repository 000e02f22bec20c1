"""PNG and JPEG bytes to modality units in the graph, one image at a time.

What is wrong with an image must raise inside its own map function, where the caller's
`ignore_errors` drops it: a check that fails empties the data, and the decoder refuses that.
An Assert could be ordered after the decoder that it is to protect.
"""

from __future__ import annotations

import tensorflow as tf

from tfmed.export.pixels import PixelCode
from tfmed.transforms.prepare import match_channels

MAX_PIXELS = 4096 * 4096
PNG_START = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8\xff"
PALETTE = 3
# Where an APP1 segment with the orientation can stand: before the image data.
HEADER_BYTES = 1 << 18
TURNED_BY_XMP = r"""\C*tiff:Orientation(="|>)[2-8]\C*"""


def decode(data: tf.Tensor, pixels: PixelCode, channels: int) -> tf.Tensor:
    """Decode one image.

    Not valid, and so an error of the operation: anything but PNG and JPEG, another bit depth
    than `pixels.bits` (a palette counts as 8 bits, a JPEG is 8 bits), CMYK, more than 4096 x
    4096 pixels by the header, damaged data, a turn that only XMP names. Transparency is
    dropped. A JPEG is turned by its EXIF orientation.

    Args:
        data: string scalar, a whole file.
        pixels: what the integers mean.
        channels: 1 or 3; grey is repeated and colour becomes its luminance.

    Returns:
        float32 `[H, W, channels]`, modality units.
    """
    is_png = tf.strings.substr(data, 0, len(PNG_START)) == PNG_START
    if pixels.bits == 16:
        stored = _png(tf.where(is_png, data, ""), 16, channels)
    else:
        stored = tf.cond(is_png, lambda: _png(data, 8, channels), lambda: _jpeg(data, channels))
    stored = tf.ensure_shape(stored, [None, None, channels])
    if (pixels.slope, pixels.intercept) == (1.0, 0.0):
        return stored
    return stored * pixels.slope + pixels.intercept


def _png(data: tf.Tensor, bits: int, channels: int) -> tf.Tensor:
    """Decode a PNG whose header names the wanted depth and a bearable size."""
    size = tf.cast(tf.io.decode_raw(tf.strings.substr(data, 16, 8), tf.int32, False), tf.int64)
    kind = tf.io.decode_raw(tf.strings.substr(data, 24, 2), tf.uint8)
    depth, colour = kind[0], kind[1]
    fits = depth == bits
    if bits == 8:
        fits |= colour == PALETTE
    fits &= (size[0] > 0) & (size[1] > 0) & (size[0] * size[1] <= MAX_PIXELS)
    # Without the dtype, TensorFlow silently gives the upper 8 of 16 bits.
    dtype = tf.uint8 if bits == 8 else tf.uint16
    return _channels(tf.io.decode_png(tf.where(fits, data, ""), 0, dtype), channels)


def _jpeg(data: tf.Tensor, channels: int) -> tf.Tensor:
    """Decode a grey or colour JPEG, as libjpeg's accurate transform does, and turn it."""
    # libjpeg would tell the server's log of every file that is no JPEG.
    data = tf.where(tf.strings.substr(data, 0, len(JPEG_START)) == JPEG_START, data, "")
    shape = tf.cast(tf.io.extract_jpeg_shape(data), tf.int64)
    fits = (shape[0] * shape[1] <= MAX_PIXELS) & ((shape[2] == 1) | (shape[2] == 3))
    turned = orientation(data)
    # Readers take the orientation of the XMP text where EXIF has none; no graph reads XML.
    start = tf.strings.substr(data, 0, HEADER_BYTES)
    fits &= (turned != 1) | ~tf.strings.regex_full_match(start, TURNED_BY_XMP)
    guarded = tf.where(fits, data, "")
    image = tf.io.decode_jpeg(guarded, channels=0, dct_method="INTEGER_ACCURATE")
    return turn(_channels(image, channels), turned)


def _channels(image: tf.Tensor, channels: int) -> tf.Tensor:
    """Drop transparency from `[H, W, 1..4]` integers and bring them to `channels`, float32."""
    image = tf.cast(image, tf.float32)

    def first(count: int) -> tf.Tensor:
        kept = tf.ensure_shape(image[..., :count], [None, None, count])
        return match_channels(kept, channels)

    return tf.cond(tf.shape(image)[-1] < 3, lambda: first(1), lambda: first(3))


def turn(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Bring an image upright.

    Args:
        image: `[H, W, C]`.
        orientation: integer scalar 1..8, as EXIF (JEITA CP-3451) numbers them.

    Returns:
        `[H, W, C]`, or `[W, H, C]` for orientations 5 to 8.
    """

    def one_of(*values: int) -> tf.Tensor:
        return tf.reduce_any(orientation == tf.constant(values, orientation.dtype))

    channels = image.shape[-1]
    image = tf.cond(orientation >= 5, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    image = tf.cond(one_of(2, 3, 6, 7), lambda: tf.reverse(image, [1]), lambda: image)
    image = tf.cond(one_of(3, 4, 7, 8), lambda: tf.reverse(image, [0]), lambda: image)
    return tf.ensure_shape(image, [None, None, channels])


def orientation(data: tf.Tensor) -> tf.Tensor:
    """Read the EXIF orientation of a JPEG with tensor operations.

    Args:
        data: string scalar, a JPEG.

    Returns:
        int32 scalar 1..8; 1 where the file does not say. A damaged EXIF segment is an error.
    """
    raw = tf.io.decode_raw(tf.strings.substr(data, 0, HEADER_BYTES), tf.uint8)
    size = tf.size(raw)

    def at(position: tf.Tensor) -> tf.Tensor:
        return tf.cast(raw[position], tf.int32)

    def has_exif(position: tf.Tensor) -> tf.Tensor:
        text = tf.constant(list(b"Exif\0\0"), tf.uint8)
        return (at(position + 1) == 0xE1) & tf.reduce_all(raw[position + 4 : position + 10] == text)

    def goes_on(position: tf.Tensor) -> tf.Tensor:
        inside = position + 18 <= size
        place = tf.minimum(position, size - 18)
        # 0xDA starts the image data: no header follows.
        header = (at(place) == 0xFF) & (at(place + 1) != 0xDA)
        return inside & header & ~has_exif(place)

    def following(position: tf.Tensor) -> tf.Tensor:
        length = at(position + 2) * 256 + at(position + 3) + 2
        return position + tf.where(at(position + 1) == 0xFF, 1, length)

    start = tf.while_loop(
        lambda position: tf.cond(size < 20, lambda: False, lambda: goes_on(position)),
        lambda position: (following(position),),
        (tf.constant(2),),
    )[0]
    place = tf.minimum(start, tf.maximum(size - 18, 0))
    found = tf.cond(
        (start + 18 <= size) & (at(place) == 0xFF),
        lambda: has_exif(place),
        lambda: False,
    )
    return tf.cond(found, lambda: _tiff_orientation(raw[start + 10 :]), lambda: 1)


def _tiff_orientation(tiff: tf.Tensor) -> tf.Tensor:
    """The orientation tag (0x0112) of a TIFF structure's first directory; 1 without it."""
    number = tf.cast(tiff, tf.int32)
    little = number[0] == ord("I")

    def short(pair: tf.Tensor) -> tf.Tensor:
        return tf.where(
            little, pair[..., 0] + pair[..., 1] * 256, pair[..., 0] * 256 + pair[..., 1]
        )

    # A directory lies inside its 64 KB segment, so the lower two bytes of the offset say where.
    place = tf.where(little, short(number[4:6]), short(number[6:8]))
    count = tf.minimum(short(number[place : place + 2]), (tf.size(number) - place - 2) // 12)
    entries = tf.reshape(number[place + 2 : place + 2 + 12 * count], [-1, 12])
    wanted = short(entries[:, 0:2]) == 0x0112
    values = tf.where(wanted, short(entries[:, 8:10]), 0)
    value = tf.reduce_max(tf.concat([values, [0]], 0))
    return tf.where((value >= 1) & (value <= 8), value, 1)
