"""PNG, JPEG and BMP against their own writers and TensorFlow's decoders; damage is told."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import makers
import numpy as np
import pytest
from PIL import Image as Pillow

from tfmed.errors import ReadError, TfmedError
from tfmed.image import Image
from tfmed.io import raster, read


def smooth(height: int = 37, width: int = 53) -> np.ndarray:
    """A colour image whose chroma changes fast enough to tell upsampling methods apart."""
    y, x = np.mgrid[:height, :width]
    waves = [127 + 120 * np.sin(x / 3 + c) * np.cos(y / (2 + c)) for c in range(3)]
    return np.stack(waves, axis=-1).astype(np.uint8)


def png_by_hand(pixels: np.ndarray, colour: int, depth: int, interlaced: bool = False) -> bytes:
    """An uncommon PNG that Pillow cannot write: `pixels` are big-endian rows of samples."""
    passes = [pixels]
    if interlaced:
        starts = ((0, 0), (4, 0), (0, 4), (2, 0), (0, 2), (1, 0), (0, 1))
        steps = ((8, 8), (8, 8), (4, 8), (4, 4), (2, 4), (2, 2), (1, 2))
        passes = [
            pixels[y::step_y, x::step_x]
            for (x, y), (step_x, step_y) in zip(starts, steps, strict=True)
        ]
    rows = b"".join(b"\0" + row.tobytes() for part in passes for row in part if row.size)
    size = struct.pack(">II", pixels.shape[1], pixels.shape[0])
    header = size + bytes([depth, colour, 0, 0, int(interlaced)])
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def with_size(png: bytes, width: int, height: int, colour: int, depth: int) -> bytes:
    """The same PNG under another header."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


def test_a_16_bit_png_stays_16_bit(tmp_path: Path) -> None:
    pixels = makers.noise((6, 7), high=65536, dtype="uint16")
    image = read(makers.raster(tmp_path / "a.png", pixels))
    assert image.pixels.dtype == np.uint16
    assert image.bits == 16
    assert np.array_equal(image.pixels[..., 0], pixels)


@pytest.mark.parametrize(("colour", "samples"), [(2, 3), (4, 2), (6, 4)])
def test_16_bit_colour_and_transparency_stay_16_bit(
    tmp_path: Path, colour: int, samples: int
) -> None:
    pixels = makers.noise((5, 6, samples), high=65536, dtype=">u2")
    path = tmp_path / "a.png"
    path.write_bytes(png_by_hand(pixels, colour, 16))
    image = read(path)
    kept = 3 if samples > 2 else 1
    assert image.pixels.dtype == np.uint16
    assert np.array_equal(image.pixels, pixels[..., :kept])


def test_transparency_is_dropped(tmp_path: Path) -> None:
    rgba = makers.noise((5, 6, 4))
    Pillow.fromarray(rgba).save(tmp_path / "a.png")
    assert np.array_equal(read(tmp_path / "a.png").pixels, rgba[..., :3])
    Pillow.fromarray(rgba[..., :2], "LA").save(tmp_path / "b.png")
    assert np.array_equal(read(tmp_path / "b.png").pixels, rgba[..., :1])


def test_a_palette_becomes_rgb_and_one_bit_becomes_0_and_255(tmp_path: Path) -> None:
    palette = Pillow.fromarray(np.array([[0, 1]], np.uint8), "P")
    palette.putpalette([255, 0, 0, 0, 0, 9])
    palette.save(tmp_path / "a.png")
    assert read(tmp_path / "a.png").pixels.tolist() == [[[255, 0, 0], [0, 0, 9]]]
    Pillow.fromarray(np.array([[True, False]])).save(tmp_path / "b.png")
    assert read(tmp_path / "b.png").pixels[..., 0].tolist() == [[255, 0]]


@pytest.mark.parametrize(("turn", "corner"), [(1, (0, 0)), (3, (-1, -1)), (6, (0, -1))])
def test_a_jpeg_is_turned_as_its_exif_orientation_says(
    tmp_path: Path, turn: int, corner: tuple[int, int]
) -> None:
    pixels = np.zeros((16, 32), np.uint8)
    pixels[:8, :8] = 255
    exif = Pillow.Exif()
    exif[0x0112] = turn
    Pillow.fromarray(pixels).save(tmp_path / "a.jpg", quality=100, exif=exif)
    image = read(tmp_path / "a.jpg")
    header = raster.read_header(tmp_path / "a.jpg")
    assert image.pixels[(*corner, 0)] > 250
    assert image.pixels.shape == (header.height, header.width, 1)
    assert header.native == (turn == 1)


def test_a_cmyk_jpeg_becomes_rgb(tmp_path: Path) -> None:
    Pillow.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=100)
    image = read(tmp_path / "a.jpg")
    assert image.pixels.shape == (8, 8, 3)
    assert np.abs(image.pixels[4, 4].astype(int) - (255, 0, 0)).max() <= 3
    assert not raster.read_header(tmp_path / "a.jpg").native


def test_bmp_grey_stays_grey_and_colour_stays_colour(tmp_path: Path) -> None:
    for index, pixels in enumerate((makers.noise((5, 6)), makers.noise((5, 6, 3)))):
        image = read(makers.raster(tmp_path / f"{index}.bmp", pixels))
        assert np.array_equal(np.squeeze(image.pixels), pixels)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_tensorflow_decodes_a_native_jpeg_to_equal_pixels(
    tmp_path: Path, channels: int, progressive: bool, subsampling: int
) -> None:
    tf = pytest.importorskip("tensorflow")
    pixels = smooth() if channels == 3 else smooth()[..., 0]
    path = tmp_path / "a.jpg"
    options = {"subsampling": subsampling} if channels == 3 else {}
    Pillow.fromarray(pixels).save(path, quality=80, progressive=progressive, **options)
    # Equal when whole, and not when damaged.
    assert raster.read_header(path).native is not progressive
    decoded = tf.io.decode_jpeg(
        path.read_bytes(),
        channels=channels,
        dct_method="INTEGER_ACCURATE",
        fancy_upscaling=True,
    )
    assert np.array_equal(decoded.numpy(), read(path).pixels)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("interlaced", [False, True])
def test_tensorflow_decodes_a_native_png_to_equal_pixels(
    tmp_path: Path, interlaced: bool, channels: int, bits: int
) -> None:
    tf = pytest.importorskip("tensorflow")
    pixels = makers.noise((9, 7, channels), high=2**bits, dtype=f">u{bits // 8}")
    path = tmp_path / "a.png"
    path.write_bytes(png_by_hand(pixels, 2 if channels == 3 else 0, bits, interlaced))
    assert raster.read_header(path) == raster.RasterHeader("png", 9, 7, channels, bits, True)
    kind = tf.uint16 if bits == 16 else tf.uint8
    decoded = tf.io.decode_png(path.read_bytes(), channels=channels, dtype=kind)
    assert np.array_equal(decoded.numpy(), read(path).pixels)
    assert np.array_equal(decoded.numpy(), pixels)


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp"])
def test_a_truncated_file_is_a_read_error(tmp_path: Path, ending: str) -> None:
    path = makers.raster(tmp_path / f"a.{ending}", makers.noise((40, 40)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ReadError):
        read(path)


def test_a_truncated_16_bit_colour_png_is_a_read_error(tmp_path: Path) -> None:
    data = png_by_hand(makers.noise((40, 40, 3), high=65536, dtype=">u2"), 2, 16)
    path = tmp_path / "a.png"
    path.write_bytes(data[:-40])
    with pytest.raises(ReadError, match="cut short"):
        read(path)


def test_a_16_bit_colour_png_of_too_few_rows_is_a_read_error(tmp_path: Path) -> None:
    data = png_by_hand(makers.noise((4, 4, 3), high=65536, dtype=">u2"), 2, 16)
    path = tmp_path / "a.png"
    path.write_bytes(with_size(data, 4, 5, 2, 16))
    with pytest.raises(ReadError):
        read(path)


@pytest.mark.parametrize("depth", [8, 16])
def test_half_a_png_is_cut_short_and_a_damaged_one_is_damaged(tmp_path: Path, depth: int) -> None:
    data = png_by_hand(makers.noise((40, 40), high=200, dtype=f">u{depth // 8}"), 0, depth)
    path = tmp_path / "a.png"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ReadError, match="it is cut short"):
        read(path)
    path.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    with pytest.raises(ReadError, match="a chunk is damaged"):
        read(path)


@pytest.mark.parametrize(("change", "reason"), [(-9, "cut short"), (9, "more bytes")])
def test_a_bmp_is_as_long_as_it_says(tmp_path: Path, change: int, reason: str) -> None:
    path = makers.raster(tmp_path / "a.bmp", makers.noise((5, 6)))
    data = path.read_bytes()
    path.write_bytes(data[:change] if change < 0 else data[:70] + bytes(change) + data[70:])
    with pytest.raises(ReadError, match=reason):
        read(path)
    path.write_bytes(data[:2] + bytes(4) + data[6:])
    assert read(path).pixels.shape == (5, 6, 1)


@pytest.mark.parametrize("side", [16000, 60000, 0])
def test_a_size_that_no_scan_has_is_refused(tmp_path: Path, side: int) -> None:
    data = png_by_hand(makers.noise((4, 4)), 0, 8)
    path = tmp_path / "a.png"
    path.write_bytes(with_size(data, side, side, 0, 8))
    with pytest.raises(ReadError):
        read(path)


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "tif"])
def test_random_damage_gives_an_image_or_a_read_error(tmp_path: Path, ending: str) -> None:
    data = makers.raster(tmp_path / f"a.{ending}", makers.noise((24, 20))).read_bytes()
    rng = np.random.default_rng(sum(ending.encode()))
    path = tmp_path / "damaged"
    for _ in range(50):
        damaged = bytearray(data)
        end = int(rng.choice([60, len(data)]))
        for place in rng.integers(0, min(end, len(data)), size=int(rng.integers(1, 9))):
            damaged[place] = int(rng.integers(256))
        path.write_bytes(
            damaged[: int(rng.integers(1, len(data)))] if rng.random() < 0.2 else damaged
        )
        try:
            image = read(path)
        except TfmedError as error:
            assert isinstance(error, ReadError)
        else:
            assert isinstance(image, Image)
            assert np.isfinite(image.pixels).all()


@pytest.mark.parametrize("kind", ["L", "RGB", "P", "1", "I;16", "RGBA"])
def test_a_whole_png_with_a_bare_last_row_is_read_and_one_of_too_few_rows_is_not(
    tmp_path: Path, kind: str
) -> None:
    pixels = smooth()[..., 0].astype("uint16") if kind == "I;16" else smooth()
    pixels[-1] = 0
    image = Pillow.fromarray(pixels)
    path = tmp_path / "a.png"
    (image if kind == "I;16" else image.convert(kind)).save(path)
    assert read(path).pixels.shape[:2] == pixels.shape[:2]
    data = bytearray(path.read_bytes())
    height = struct.unpack(">I", data[20:24])[0]
    data[20:24] = struct.pack(">I", height + 9)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    with pytest.raises(ReadError):
        read(path)


def test_a_palette_image_without_its_palette_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Pillow.fromarray(smooth()).convert("P").save(path)
    data = path.read_bytes()
    start = data.index(b"PLTE") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    path.write_bytes(data[:start] + data[end:])
    with pytest.raises(ReadError, match="in order"):
        read(path)
