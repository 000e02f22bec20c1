"""TIFF against what tifffile and Pillow wrote."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pytest
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
