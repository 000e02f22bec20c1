"""One door for every format, and series of slices as volumes."""

from __future__ import annotations

import importlib
from pathlib import Path

import makers
import numpy as np
import pytest

from tfmed.errors import DataError, GeometryError, ReadError, UnsupportedFormat
from tfmed.io import READERS, read, read_series
from tfmed.io.guard import reading


def test_every_reader_of_the_table_exists() -> None:
    for row in READERS.values():
        module, _, name = row.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP image; save it as PNG"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 12, "HEIF or AVIF"),
        (b"\xff\x4f\xff\x51" + b"\0" * 12, "JPEG 2000 image outside DICOM"),
    ],
)
def test_a_format_that_is_known_and_not_read_says_what_to_do(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UnsupportedFormat, match=reason):
        read(tmp_path / "a.png")


def test_an_archive_of_arrays_is_no_image(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.zeros((4, 5)))
    with pytest.raises(UnsupportedFormat, match="a data set and no image"):
        read(tmp_path / "a.npz")


def test_a_series_is_stacked_in_the_order_given_with_its_slice_spacing(tmp_path: Path) -> None:
    volume = makers.noise((4, 6, 5), high=4096, dtype="uint16")
    files = makers.series(tmp_path, volume)
    image = read_series(files)
    assert np.array_equal(image.pixels[..., 0], volume)
    assert image.spacing_mm == (2.0, 0.5, 0.5)
    assert image.units == "HU"
    turned = read_series(files[::-1])
    assert np.array_equal(turned.pixels[..., 0], volume[::-1])
    assert turned.spacing_mm == (2.0, 0.5, 0.5)


def test_uneven_slices_have_no_spacing(tmp_path: Path) -> None:
    files = makers.series(tmp_path, makers.noise((4, 6, 5), dtype="uint16"))
    some = [files[0], files[1], files[3]]
    assert read_series(some, on_geometry="ignore").spacing_mm is None
    with pytest.raises(GeometryError, match="1 slice is missing between slices 2 and 3"):
        read_series(some)


def test_slices_of_two_shapes_are_refused(tmp_path: Path) -> None:
    one = makers.dicom(tmp_path / "1", makers.noise((6, 5)))
    two = makers.dicom(tmp_path / "2", makers.noise((5, 6)))
    with pytest.raises(GeometryError, match=r"shape \(5, 6, 1\)"):
        read_series([one, two])


def test_one_file_of_several_frames_is_its_volume(tmp_path: Path) -> None:
    path = makers.dicom(tmp_path / "1", makers.noise((3, 6, 5)))
    assert read_series([path]).pixels.shape == (3, 6, 5, 1)
    with pytest.raises(GeometryError):
        read_series([path, path])


def test_a_series_of_pngs_is_a_volume_without_spacing(tmp_path: Path) -> None:
    files = [makers.raster(tmp_path / f"{i}.png", makers.noise((6, 5), seed=i)) for i in range(3)]
    image = read_series(files)
    assert image.pixels.shape == (3, 6, 5, 1)
    assert image.spacing_mm is None


def test_a_series_of_no_files_is_refused() -> None:
    with pytest.raises(DataError):
        read_series([])


class Panic(BaseException):
    """As PyO3's: no `Exception`."""


def test_a_panic_is_a_read_error_and_an_interrupt_is_not() -> None:
    with pytest.raises(ReadError, match=r"broken \(Panic\)") as caught, reading("a", "broken"):
        raise Panic("Doe^John 1970")
    assert "Doe" not in str(caught.value)
    assert caught.value.__suppress_context__
    for kind in (KeyboardInterrupt, SystemExit):
        with pytest.raises(kind), reading("a", "broken"):
            raise kind
