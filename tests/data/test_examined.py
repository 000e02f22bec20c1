"""What one example's pixels and header tell."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import makers
import numpy as np
import pytest
from PIL import Image as Pillow

from tfmed.data.examined import COLUMNS, CONSTANT, NOT_FINITE, measure


def told(path: Path, files: tuple[str, ...] | None = None, frame: int = -1) -> Any:
    return measure({"path": str(path), "files": files, "frame": frame})


def test_a_ct_slice_is_told_in_hounsfield_units(tmp_path: Path) -> None:
    stored = np.arange(1000, dtype=np.uint16).reshape(20, 50)
    about = makers.Slice(
        patient="P7",
        bits=12,
        slope=2.0,
        intercept=-1000.0,
        window=(-100.0, 300.0),
        spacing_mm=(0.5, 0.7),
    )
    found = told(makers.dicom(tmp_path / "a", stored, about))
    assert found["format"] == "dicom"
    assert (found["depth"], found["height"], found["width"], found["channels"]) == (1, 20, 50, 1)
    assert (found["bits"], found["modality"], found["units"]) == (12, "CT", "HU")
    assert (found["slope"], found["intercept"], found["signed"]) == (2.0, -1000.0, False)
    assert (found["row_spacing_mm"], found["column_spacing_mm"]) == (0.5, 0.7)
    assert found["window_low"] == pytest.approx(-100, abs=1)
    assert (found["minimum"], found["maximum"]) == (-1000.0, 998.0)
    # Values are -1000, -998, ... 998: evenly spread, so percentiles are by hand.
    assert found["p005"] == pytest.approx(-1000 + 0.005 * 1998)
    assert found["p995"] == pytest.approx(-1000 + 0.995 * 1998)
    assert found["mean"] == pytest.approx(-1.0)
    assert found["std"] == pytest.approx(2 * math.sqrt((1000**2 - 1) / 12))
    assert found["patient"] == "P7"
    raw = Path(tmp_path / "a").read_bytes()
    assert raw[found["pixel_offset"] :] == stored.tobytes()


def test_a_header_tells_of_the_device_and_the_patient(tmp_path: Path) -> None:
    extra = {
        "Manufacturer": "Maker",
        "ManufacturerModelName": "Model 64",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "PatientSex": "F",
        "PatientAge": "018M",
    }
    found = told(makers.dicom(tmp_path / "a", makers.noise((4, 4)), makers.Slice(extra=extra)))
    assert (found["manufacturer"], found["device"]) == ("Maker", "Model 64")
    assert (found["body_part"], found["view"], found["sex"]) == ("CHEST", "PA", "F")
    assert found["age_years"] == pytest.approx(1.5)


def test_a_clip_is_told_of_by_evenly_spaced_frames(tmp_path: Path) -> None:
    # Every frame is darker than the next: the sample's mean is that of frames 0, 1, 3 ... 69.
    frames = [np.full((8, 6), 2 * number, np.uint8) for number in range(70)]
    images = [Pillow.fromarray(frame) for frame in frames]
    images[0].save(tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=50)
    found = told(tmp_path / "a.gif")
    assert (found["depth"], found["clip"], found["frame_rate_hz"]) == (70, True, 20.0)
    assert (found["height"], found["width"], found["channels"]) == (8, 6, 3)
    sample = np.rint(np.linspace(0, 69, 64))
    assert found["mean"] == pytest.approx(2 * sample.mean())
    assert (found["minimum"], found["maximum"]) == (0, 138)


def test_a_raster_tells_no_more_than_it_knows(tmp_path: Path) -> None:
    found = told(makers.raster(tmp_path / "a.png", makers.noise((6, 5, 3))))
    assert (found["format"], found["channels"], found["bits"]) == ("png", 3, 8)
    assert "row_spacing_mm" not in found
    assert "patient" not in found
    assert set(found) <= set(COLUMNS)


def test_monochrome1_is_told_as_turned_only_without_physical_units(tmp_path: Path) -> None:
    pixels = makers.noise((6, 6), dtype="uint16")
    xray = makers.Slice(photometric="MONOCHROME1", modality="DX", slope=None, intercept=None)
    ct = makers.Slice(photometric="MONOCHROME1", modality="CT")
    assert told(makers.dicom(tmp_path / "x", pixels, xray))["inverted"]
    assert not told(makers.dicom(tmp_path / "c", pixels, ct))["inverted"]


def test_a_series_is_a_volume(tmp_path: Path) -> None:
    files = makers.series(tmp_path, makers.noise((5, 4, 6), dtype="int16"))
    found = told(files[0], tuple(map(str, files)))
    assert (found["depth"], found["height"], found["width"]) == (5, 4, 6)
    assert (found["slice_spacing_mm"], found["row_spacing_mm"]) == (2.0, 0.5)


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.full((4, 4), 7, np.uint8), CONSTANT),
        (np.array([[1.0, np.nan]], np.float32), NOT_FINITE),
        (np.array([[1.0, np.inf]], np.float32), NOT_FINITE),
    ],
)
def test_pixels_that_carry_nothing_have_a_reason(tmp_path: Path, pixels, reason) -> None:
    found = told(makers.raster(tmp_path / "a.tif", pixels))
    assert isinstance(found, str)
    assert found == reason or "not finite" in found


@pytest.mark.parametrize(
    "content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"]
)
def test_a_bad_file_has_a_reason_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    found = told(tmp_path / "a.png")
    assert isinstance(found, str)
    assert len(found) > 5


def test_no_reason_holds_what_a_header_says(tmp_path: Path) -> None:
    path = makers.dicom(tmp_path / "a", makers.noise((8, 8)), makers.Slice(patient="SECRET77"))
    path.write_bytes(path.read_bytes()[:-20])
    found = told(path)
    assert isinstance(found, str)
    assert "SECRET" not in found
    assert "Doe" not in found
