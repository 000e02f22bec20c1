"""TIFF against what tifffile and Pillow wrote."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import makers
import numpy as np
import pytest
import SimpleITK
import tifffile
from PIL import Image as Pillow

from tfmed.errors import ReadError
from tfmed.io import read


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_grey_values_and_type_are_kept(tmp_path: Path, kind: str, compression: str | None) -> None:
    pixels = makers.noise((6, 7), high=200, dtype=kind)
    tifffile.imwrite(tmp_path / "a.tif", pixels, compression=compression)
    image = read(tmp_path / "a.tif")
    assert image.pixels.dtype == kind
    assert np.array_equal(image.pixels[..., 0], pixels)
    assert image.bits == 8 * pixels.dtype.itemsize


@pytest.mark.parametrize("order", ["<", ">"])
def test_either_byte_order_is_read(tmp_path: Path, order: str) -> None:
    pixels = makers.noise((6, 7), high=65536, dtype="uint16")
    tifffile.imwrite(tmp_path / "a.tif", pixels, byteorder=order)
    assert np.array_equal(read(tmp_path / "a.tif").pixels[..., 0], pixels)


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_rgb_is_kept_interleaved_or_planar(tmp_path: Path, kind: str, planar: str) -> None:
    pixels = makers.noise((6, 7, 3), dtype=kind)
    stored = pixels if planar == "contig" else np.moveaxis(pixels, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar)
    assert np.array_equal(read(tmp_path / "a.tif").pixels, pixels)


def test_pages_become_a_volume_and_one_can_be_asked_for(tmp_path: Path) -> None:
    pages = makers.noise((4, 6, 7), high=65536, dtype="uint16")
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    assert np.array_equal(read(tmp_path / "a.tif").pixels[..., 0], pages)
    assert np.array_equal(read(tmp_path / "a.tif", frame=2).pixels[..., 0], pages[2])
    with pytest.raises(ReadError, match="page 4 was asked for, it has 4"):
        read(tmp_path / "a.tif", frame=4)


def test_pages_of_two_sizes_are_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(makers.noise((4, 4)))
        file.write(makers.noise((5, 4)))
    with pytest.raises(ReadError, match="2 pages of 2 shapes"):
        read(tmp_path / "a.tif")


def test_white_is_zero_is_turned(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 255]], np.uint8), photometric="miniswhite")
    assert read(tmp_path / "a.tif").pixels[..., 0].tolist() == [[255, 0]]


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_white_is_zero_is_turned_under_a_codec_too(tmp_path: Path, kind: str) -> None:
    pixels = makers.noise((6, 7), high=256, dtype=kind)
    Pillow.fromarray(pixels).save(tmp_path / "a.tif", compression="tiff_lzw")
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:
        file.pages[0].tags[262].overwrite(0)
    assert np.array_equal(read(tmp_path / "a.tif").pixels[..., 0], ~pixels)


def test_a_palette_becomes_rgb(tmp_path: Path) -> None:
    image = Pillow.fromarray(np.array([[0, 1]], np.uint8), "P")
    image.putpalette([255, 0, 0, 0, 0, 9])
    image.save(tmp_path / "a.tif")
    assert read(tmp_path / "a.tif").pixels.tolist() == [[[255, 0, 0], [0, 0, 9]]]


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "group4"])
def test_compressions_that_need_a_codec_are_decoded(tmp_path: Path, compression: str) -> None:
    if compression == "group4":
        pixels = makers.noise((6, 7), high=2).astype(bool)
        Pillow.fromarray(pixels).save(tmp_path / "a.tif", compression=compression)
        assert np.array_equal(read(tmp_path / "a.tif").pixels[..., 0], pixels * 255)
        return
    pixels = makers.noise((6, 7), high=65536, dtype="uint16")
    Pillow.fromarray(pixels).save(tmp_path / "a.tif", compression=compression)
    image = read(tmp_path / "a.tif")
    assert image.pixels.dtype == np.uint16
    assert np.array_equal(image.pixels[..., 0], pixels)


def lzw(data: bytes) -> bytes:
    """LZW as plain as can be: every byte its own code of 9 bits, begun anew in time."""
    codes: list[int] = []
    for start in range(0, len(data), 200):
        codes += [256, *data[start : start + 200]]
    bits = "".join(format(code, "09b") for code in [*codes, 257])
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[start : start + 8], 2) for start in range(0, len(bits), 8))


def lzw_tiff(pixels: np.ndarray, order: str, predictor: int, planar: int) -> bytes:
    """16 bits under LZW, which no writer here makes: TIFF 6.0 by hand, one strip a plane."""
    height, width, samples = pixels.shape
    planes = [pixels] if planar == 1 else [pixels[..., [c]] for c in range(samples)]
    strips = []
    for plane in planes:
        values = plane.astype(np.int64)
        if predictor == 2:
            values = np.diff(values, axis=1, prepend=0)
        strips.append(lzw((values & 0xFFFF).astype(f"{order}u2").tobytes()))
    starts = 8 + np.cumsum([0, *map(len, strips)])
    count = len(strips)
    lists = struct.pack(f"{order}{samples}H", *[16] * samples)
    lists += struct.pack(f"{order}{count}I", *starts[:-1])
    lists += struct.pack(f"{order}{count}I", *map(len, strips))
    depths, offsets = int(starts[-1]), int(starts[-1]) + 2 * samples
    lengths = offsets + 4 * count
    short = {256: width, 257: height, 259: 5, 262: 2, 277: samples, 278: height}
    short |= {284: planar, 317: predictor}
    tags = {tag: struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0) for tag, value in short.items()}
    for tag, kind, size, place in (
        (258, 3, samples, depths),
        (273, 4, count, offsets if count > 1 else 8),
        (279, 4, count, lengths if count > 1 else len(strips[0])),
    ):
        tags[tag] = struct.pack(f"{order}HHII", tag, kind, size, place)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", depths + len(lists))
    entries = struct.pack(f"{order}H", len(tags)) + b"".join(tags[tag] for tag in sorted(tags))
    return head + b"".join(strips) + lists + entries + bytes(4)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("predictor", [1, 2])
@pytest.mark.parametrize("planar", [1, 2])
def test_16_bit_colour_under_lzw_stays_16_bit(
    tmp_path: Path, order: str, predictor: int, planar: int
) -> None:
    pixels = makers.noise((11, 13, 3), high=65536, dtype="uint16")
    path = tmp_path / "a.tif"
    path.write_bytes(lzw_tiff(pixels, order, predictor, planar))
    image = read(path)
    assert image.pixels.dtype == np.uint16
    assert np.array_equal(image.pixels, pixels)
    data = path.read_bytes()
    path.write_bytes(data[:200] + b"\xff" * 100 + data[300:])
    with pytest.raises(ReadError):
        read(path)


@pytest.mark.parametrize("compressor", ["LZW", "PackBits", "Deflate"])
def test_16_bit_colour_is_as_simpleitk_wrote_it(tmp_path: Path, compressor: str) -> None:
    pixels = makers.noise((11, 13, 3), high=65536, dtype="uint16")
    writer = SimpleITK.ImageFileWriter()
    writer.SetFileName(tmp_path / "a.tif")
    writer.UseCompressionOn()
    writer.SetCompressor(compressor)
    writer.Execute(SimpleITK.GetImageFromArray(pixels, isVector=True))
    assert np.array_equal(read(tmp_path / "a.tif").pixels, pixels)


def test_a_jpeg_in_a_tiff_is_as_pillow_decodes_it(tmp_path: Path) -> None:
    pixels = makers.noise((16, 24, 3))
    path = tmp_path / "a.tif"
    Pillow.fromarray(pixels).save(path, compression="jpeg", quality=90)
    with Pillow.open(path) as image:
        assert np.array_equal(read(path).pixels, np.asarray(image.convert("RGB")))


def test_12_bits_packed_are_unpacked(tmp_path: Path) -> None:
    pixels = makers.noise((6, 8), high=4096, dtype="uint16")
    bits = "".join(format(value, "012b") for value in pixels.ravel())
    data = bytes(int(bits[start : start + 8], 2) for start in range(0, len(bits), 8))
    tags = {256: 8, 257: 6, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 6, 279: len(data)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    start = b"II*\0" + struct.pack("<I", 8 + len(data))
    path = tmp_path / "a.tif"
    path.write_bytes(start + data + struct.pack("<H", len(tags)) + entries + bytes(4))
    image = read(path)
    assert image.bits == 12
    assert image.pixels.dtype == np.uint16
    assert np.array_equal(image.pixels[..., 0], pixels)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "predictor": True}])
def test_a_big_tiff_and_tiles_are_read(tmp_path: Path, options: dict[str, Any]) -> None:
    pixels = makers.noise((40, 50, 3), high=65536, dtype="uint16")
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, bigtiff=True, tile=(16, 16), photometric="rgb", **options)
    assert np.array_equal(read(path).pixels, pixels)


def test_transparency_is_dropped(tmp_path: Path) -> None:
    rgba = makers.noise((5, 6, 4))
    tifffile.imwrite(tmp_path / "a.tif", rgba, photometric="rgb", extrasamples=["unassalpha"])
    assert np.array_equal(read(tmp_path / "a.tif").pixels, rgba[..., :3])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.array([[1.0, value]], np.float32))
    with pytest.raises(ReadError, match="not finite"):
        read(tmp_path / "a.tif")


def test_a_truncated_file_is_a_read_error(tmp_path: Path) -> None:
    path = makers.raster(tmp_path / "a.tif", makers.noise((40, 40)))
    path.write_bytes(path.read_bytes()[:-800])
    with pytest.raises(ReadError):
        read(path)


@pytest.mark.parametrize("bigtiff", [False, True])
def test_a_file_that_lost_its_last_pages_is_refused(tmp_path: Path, bigtiff: bool) -> None:
    pixels = makers.noise((3, 24, 20))
    options = {"photometric": "minisblack", "metadata": None, "bigtiff": bigtiff}
    path = makers.raster(tmp_path / "a.tif", pixels, **options)
    assert np.array_equal(read(path).pixels[..., 0], pixels)
    with tifffile.TiffFile(path) as file:
        second = file.pages[1].offset
    path.write_bytes(path.read_bytes()[:second])
    with pytest.raises(ReadError, match="pages are missing"):
        read(path)
