"""Series in any plane, enhanced multi-frame files, and what pydicom makes of a file."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import makers
import numpy as np
import pydicom
from pydicom.pixels import apply_color_lut, apply_modality_lut

# Directions along a row and down a column (LPS) of the planes that scanners take.
PLANES = {
    "axial": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    "sagittal": (0.0, 1.0, 0.0, 0.0, 0.0, -1.0),
    "coronal": (1.0, 0.0, 0.0, 0.0, 0.0, -1.0),
    # Turned by 30 degrees about x, then by 20 about z.
    "oblique": (
        0.9396926207859084,
        0.3420201433256687,
        0.0,
        -0.2961981327260237,
        0.8137976813493738,
        0.5,
    ),
}


def oracle(path: Path) -> np.ndarray:
    """What pydicom makes of a file, in modality units; its errors are its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path)
        pixels = dataset.pixel_array
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            return apply_color_lut(pixels, dataset)
        return apply_modality_lut(pixels, dataset)


def normal(plane: str) -> np.ndarray:
    """The unit vector across a plane."""
    turned = PLANES[plane]
    return np.cross(turned[:3], turned[3:])


def slices(
    folder: Path,
    volume: np.ndarray,
    plane: str = "axial",
    steps_mm: Sequence[float] | None = None,
    changes: Mapping[int, Mapping[str, Any]] | None = None,
    about: makers.Slice | None = None,
) -> list[Path]:
    """Write `[D, H, W]` as one file a slice, in order.

    Args:
        folder: where the files go.
        volume: stored values.
        plane: one of `PLANES`.
        steps_mm: place of each slice along the normal; 2.5 mm apart by default.
        changes: by slice, fields of `makers.Slice` that differ.
        about: what all files say.
    """
    about = about or makers.Slice(spacing_mm=(0.75, 0.5))
    origin = np.array([-120.5, 33.25, 17.0])
    paths = []
    for index, pixels in enumerate(volume):
        along = 2.5 * index if steps_mm is None else steps_mm[index]
        place = origin + along * normal(plane)
        own: dict[str, Any] = {
            **about.__dict__,
            "position_mm": tuple(float(part) for part in place),
            "number": index + 1,
            **(changes or {}).get(index, {}),
        }
        own["extra"] = {"ImageOrientationPatient": list(PLANES[plane]), **own["extra"]}
        paths.append(makers.dicom(folder / f"{index:03}.dcm", pixels, makers.Slice(**own)))
    return paths


def enhanced(
    path: Path,
    volume: np.ndarray,
    plane: str = "axial",
    steps_mm: Sequence[float] | None = None,
) -> Path:
    """Write `[D, H, W]` as one enhanced multi-frame file, whose frames tell their places.

    They lie 3 mm apart where `steps_mm`, the place of each along the normal, does not say.
    """
    groups = []
    for index in range(len(volume)):
        group, place = pydicom.Dataset(), pydicom.Dataset()
        step_mm = 3.0 * index if steps_mm is None else steps_mm[index]
        along = np.array([-12.0, 7.5, 100.0]) + step_mm * normal(plane)
        place.ImagePositionPatient = [float(part) for part in along]
        group.PlanePositionSequence = [place]
        groups.append(group)
    shared, measures, turn = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    measures.PixelSpacing = [0.75, 0.5]
    turn.ImageOrientationPatient = list(PLANES[plane])
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [turn]
    extra = {
        "PerFrameFunctionalGroupsSequence": groups,
        "SharedFunctionalGroupsSequence": [shared],
        "ImagePositionPatient": None,
        "ImageOrientationPatient": None,
    }
    about = makers.Slice(slope=None, intercept=None, spacing_mm=None, extra=extra)
    return makers.dicom(path, volume, about)
