"""What headers tell alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import makers
import nibabel
import numpy as np
import pytest
from PIL import Image as Pillow

from tfmed.data.examined import COLUMNS, measure
from tfmed.data.looked import look

# What only pixels tell.
PIXELS = (
    *("dtype", "native", "coloured", "digest"),
    *("minimum", "maximum", "p005", "p995", "mean", "std"),
)


def nifti(path: Path, shape: tuple[int, ...], dtype: str = "int16") -> Path:
    voxels = makers.noise(shape, 3, 0, 99, dtype)
    image = nibabel.Nifti1Image(voxels, np.diag([-0.5, 0.75, 2.5, 1.0]))
    image.header.set_xyzt_units("mm", "sec")
    if len(shape) == 4:
        image.header["pixdim"][4] = 0.25
    nibabel.save(image, path)
    return path


def gif(path: Path, frames: int) -> Path:
    images = [Pillow.fromarray(makers.noise((8, 6), seed)) for seed in range(frames)]
    images[0].save(path, save_all=True, append_images=images[1:], duration=40)
    return path


def made(folder: Path) -> dict[str, Path]:
    raster, dicom, noise = makers.raster, makers.dicom, makers.noise
    cine = makers.Slice(modality="US", extra={"FrameTime": 50.0, "CineRate": 20})
    return {
        "png": raster(folder / "a.png", noise((7, 5), 1, 0, 60000, "uint16")),
        "jpeg": raster(folder / "a.jpg", noise((7, 5, 3))),
        "bmp": raster(folder / "a.bmp", noise((7, 5))),
        "gif": gif(folder / "a.gif", 3),
        "still gif": gif(folder / "b.gif", 1),
        "slice": dicom(folder / "a.dcm", noise((4, 6), dtype="int16"), makers.Slice(bits=12)),
        "colour": dicom(folder / "b.dcm", noise((4, 6, 3))),
        "frames": dicom(folder / "c.dcm", noise((3, 4, 6))),
        "cine": dicom(folder / "d.dcm", noise((3, 4, 6)), cine),
        "volume": nifti(folder / "a.nii", (6, 5, 4)),
        "plane": nifti(folder / "b.nii.gz", (6, 5, 1), "uint8"),
        "film": nifti(folder / "c.nii", (6, 5, 1, 7)),
    }


@pytest.mark.parametrize("frame", [-1, 0])
@pytest.mark.parametrize(
    "name",
    [
        "png",
        "jpeg",
        "bmp",
        "gif",
        "still gif",
        "slice",
        "colour",
        "frames",
        "cine",
        "volume",
        "plane",
        "film",
    ],
)
def test_headers_tell_what_reading_would(tmp_path: Path, name: str, frame: int) -> None:
    example = {"path": str(made(tmp_path)[name]), "files": None, "frame": frame}
    looked, measured = look(example), measure(example)
    assert isinstance(looked, dict) and isinstance(measured, dict), (looked, measured)
    for column, default in COLUMNS.items():
        if column not in PIXELS and column not in ("pixel_offset", "pixel_bytes"):
            one, other = looked.get(column, default), measured.get(column, default)
            assert one == other or (math.isnan(one) and math.isnan(other)), column


def test_headers_tell_a_series(tmp_path: Path) -> None:
    files = makers.series(tmp_path, makers.noise((5, 4, 6), dtype="int16"))
    example: dict[str, Any] = {"path": files[0], "files": tuple(map(str, files)), "frame": -1}
    looked, measured = look(example), measure(example)
    assert isinstance(looked, dict) and isinstance(measured, dict)
    for column in ("depth", "height", "width", "slice_spacing_mm", "row_spacing_mm", "clip"):
        assert looked[column] == measured[column], column
    assert (looked["depth"], looked["slice_spacing_mm"]) == (5, 2.0)


def test_several_volumes_in_one_file_are_refused_either_way(tmp_path: Path) -> None:
    example = {"path": str(nifti(tmp_path / "a.nii", (6, 5, 4, 7))), "files": None, "frame": -1}
    reason = look(example)
    assert reason == measure(example)
    assert isinstance(reason, str) and "7 volumes" in reason
    one = measure({**example, "frame": 3})
    assert isinstance(one, dict) and (one["depth"], one["clip"]) == (4, False)


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"])
def test_what_is_no_image_has_a_reason(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    reason = look({"path": str(tmp_path / "a"), "files": None, "frame": -1})
    assert isinstance(reason, str) and len(reason) > 5
