"""Shades for people to look at, against pydicom's and by hand."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from tfmed.image import Image, VoiLut
from tfmed.io import dicom
from tfmed.io.display import display


def by_pydicom(path: Path) -> np.ndarray:
    """pydicom's VOI, which spans 0 to the largest shade, as 8 bits."""
    data = pydicom.dcmread(path)
    values = apply_modality_lut(data.pixel_array, data)
    shades = apply_voi_lut(values, data)
    if data.get("VOILUTSequence"):
        return np.rint(shades / (2 ** data.VOILUTSequence[0].LUTDescriptor[2] - 1) * 255)
    slope, intercept = float(data.RescaleSlope), float(data.RescaleIntercept)
    low = intercept if data.PixelRepresentation == 0 else -(2**11) * slope + intercept
    return np.rint((shades - low) / ((2**12 - 1) * slope) * 255)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_equal_pydicom(tmp_path: Path, function: str) -> None:
    stored = makers.noise((40, 30), high=4096, dtype="uint16")
    about = makers.Slice(
        bits=12, intercept=-1024.0, window=(-500, 700), extra={"VOILUTFunction": function}
    )
    path = makers.dicom(tmp_path / "a.dcm", stored, about)
    shown = display(dicom.read(path))
    assert shown.dtype == np.uint8
    assert np.abs(shown[..., 0] - by_pydicom(path)).max() <= 1


def with_lut(path: Path, photometric: str = "MONOCHROME2") -> Path:
    item = pydicom.Dataset()
    item.LUTDescriptor = [4, 10, 12]
    item.LUTData = np.array([0, 100, 4000, 4095], "<u2").tobytes()
    item["LUTData"].VR = "OW"
    about = makers.Slice(
        modality="DX", bits=12, photometric=photometric, slope=None, intercept=None,
        extra={"VOILUTSequence": [item]},
    )  # fmt: skip
    return makers.dicom(path, np.array([[0, 10, 11, 12, 13, 99]], np.uint16), about)


def test_a_voi_lut_is_looked_up_by_hand_and_as_pydicom_does(tmp_path: Path) -> None:
    path = with_lut(tmp_path / "a.dcm")
    shown = display(dicom.read(path))[0, :, 0]
    assert shown.tolist() == [0, 0, 6, 249, 255, 255]
    assert shown.tolist() == by_pydicom(path)[0].tolist()


def test_a_voi_lut_that_contradicts_itself_is_left_aside(tmp_path: Path) -> None:
    path = with_lut(tmp_path / "a.dcm")
    data = pydicom.dcmread(path)
    data.VOILUTSequence[0].LUTDescriptor = [99, 10, 12]
    data.save_as(path)
    image = dicom.read(path)
    assert image.voi_lut is None
    assert display(image).max() == 255


def test_a_turned_image_is_shown_turned_by_its_lut(tmp_path: Path) -> None:
    image = dicom.read(with_lut(tmp_path / "a.dcm", "MONOCHROME1"))
    assert display(image)[0, :, 0].tolist() == [255, 255, 249, 6, 0, 0]


def test_without_a_window_percentiles_are_black_and_white() -> None:
    shown = display(Image(np.arange(2001, dtype=np.int16).reshape(3, 667, 1)))
    # The 0.5th percentile of 0..2000 is 10, the 99.5th 1990.
    flat = shown.ravel()
    assert flat[:11].max() == 0
    assert flat[1000] == round(255 * 990 / 1980)
    assert flat[1990:].min() == 255


def test_colours_stay_and_deep_ones_become_eight_bits() -> None:
    colours = makers.noise((4, 5, 3))
    assert np.array_equal(display(Image(colours)), colours)
    assert (
        display(Image(np.full((1, 1, 3), 65535, np.uint16), bits=16)).ravel().tolist() == [255] * 3
    )


@pytest.mark.parametrize("value", [0.0, -1000.0, np.nan])
def test_an_image_of_one_value_is_shown(value: float) -> None:
    shown = display(Image(np.full((2, 3, 1), value, np.float32)))
    assert shown.shape == (2, 3, 1)
    assert len(np.unique(shown)) == 1


def test_a_table_that_starts_below_zero() -> None:
    lut = VoiLut(-2, np.array([0, 5, 10], np.uint16), 8)
    pixels = np.array([[[-9], [-2], [-1], [0], [7]]], np.int16)
    assert display(Image(pixels, voi_lut=lut)).ravel().tolist() == [0, 0, 5, 10, 10]
