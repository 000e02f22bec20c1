"""Label maps from files: which voxels belong to which structure, and how large a voxel is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tfmed.errors import ConfigError, GeometryError, ReadError, TfmedError
from tfmed.image import Image
from tfmed.io import dicom_seg, dicom_seg_slices
from tfmed.io import mask as label_map

MOST_CLASSES = 64
SUFFIXES = (".nii", ".nii.gz", ".hdr", ".png", ".tif", ".tiff", ".npy", ".bmp")
DICOM_SUFFIXES = (".dcm", ".dicom", ".ima", "")
# What readers of images turn a mask of one bit or of booleans into.
ONE_CLASS = 255


@dataclass(frozen=True, eq=False)
class Mask:
    """A label map.

    Attributes:
        labels: unsigned integers `[H, W]` or `[D, H, W]`; 0 is background.
        spacing: distance between centres, `(row, column)` or `(slice, row, column)`, in `unit`.
        unit: `"mm"`, or `"px"` where no spacing is known and it is 1.
        affine: float64 `[4, 4]` from `(slice, row, column, 1)` to RAS+ mm, or None.
        names: of the values, where the file tells them (DICOM SEG).
    """

    labels: np.ndarray
    spacing: tuple[float, ...]
    unit: str
    affine: np.ndarray | None = None
    names: Mapping[int, str] = field(default_factory=dict)

    @property
    def flat(self) -> bool:
        """Whether it is one image and no volume."""
        return self.labels.ndim == 2


def read(
    path: str | Path,
    spacing_mm: Sequence[float] | None = None,
    on: Image | None = None,
    series: Sequence[Path] = (),
) -> Mask:
    """Read a label map: NIfTI, PNG, TIFF, BMP, NPY or DICOM SEG.

    Of a palette the indices are the labels, not the colours. 0 and 255 stay 0 and 255, one bit
    becomes 0 and 255. Of DICOM SEG the labels are the segments' numbers; where segments overlap,
    the larger one.

    Args:
        path: the file.
        spacing_mm: of files that tell none: `(row, column)` or `(slice, row, column)`.
        on: the image of a DICOM SEG, on whose slices it is drawn.
        series: the files of that image.

    Raises:
        ReadError: it cannot be read, is a colour picture or a clip, or holds numbers that are
            no labels.
        DataError: a DICOM SEG has other rows and columns than its image.
        GeometryError: `spacing_mm` has another number of axes than the file, or a DICOM SEG does
            not lie on its image.
    """
    if not dicom_seg.is_seg(path):
        found = label_map.read(path)
        return _mask(path, found.labels, found.spacing_mm or spacing_mm, found.affine, {})
    if on is None:
        drawn = dicom_seg.read(path)
        spacing = drawn.spacing_mm or spacing_mm
        return _mask(path, drawn.labels, spacing, drawn.affine, drawn.names)
    files = tuple(map(str, series))
    example = {"path": files[0], "files": files if len(files) > 1 else None}
    shape = on.pixels.shape[:-1]
    labels, names = dicom_seg_slices.segment_map(str(path), example, shape, on.spacing_mm)
    return _mask(path, labels, on.spacing_mm or spacing_mm, on.affine, names)


def _mask(
    path: str | Path,
    labels: np.ndarray,
    spacing: Sequence[float] | None,
    affine: np.ndarray | None,
    names: Mapping[int, str],
) -> Mask:
    axes = labels.ndim
    if spacing is not None and len(spacing) != axes:
        raise GeometryError(
            f"{path}: --spacing-mm has {len(spacing)} numbers, the mask has {axes} "
            "axes; expected (row column) for images, (slice row column) for volumes"
        )
    unit = "px" if spacing is None else "mm"
    known = (1.0,) * axes if spacing is None else tuple(spacing)
    if not all(np.isfinite(known)) or min(known) <= 0:
        raise ReadError(path, f"its spacing is {known}; lengths above 0 are expected")
    return Mask(labels, known, unit, affine, names)


def values(path: str | Path, mask: Mask) -> list[int]:
    """The labels that occur, without 0.

    Raises:
        ReadError: there are so many that it is an image, or a map with a value for each object.
    """
    found = [int(value) for value in np.unique(mask.labels) if value]
    if len(found) > MOST_CLASSES and not mask.names:
        raise ReadError(
            path,
            f"{len(found):,} different values: an image and no mask? Where each object has a "
            "value of its own, say --instances",
        )
    return found


def named(names: Sequence[str]) -> dict[int, str]:
    """`NAME=VALUE` texts as names by value.

    Args:
        names: one or, with commas between, several in a text.

    Raises:
        ConfigError: a text is of another form, or a name or value comes twice.

    Example:
        >>> named(["liver=1,tumour=2"])
        {1: 'liver', 2: 'tumour'}
    """
    found: dict[int, str] = {}
    for text in (part.strip() for one in names for part in one.split(",")):
        name, equals, value = text.rpartition("=")
        if not (equals and name.strip() and value.strip().isdecimal()):
            raise ConfigError(f"--classes: expected NAME=VALUE, as liver=1, got {text!r}")
        if int(value) in found or name.strip() in found.values():
            raise ConfigError(f"--classes: {text!r} names a class or a value again")
        found[int(value)] = name.strip()
    return found


def classes(path: str | Path, mask: Mask, names: Mapping[int, str]) -> dict[int, str]:
    """What is measured in a mask: all named classes, also empty ones, or else what occurs.

    The names are those given, else the file's own.

    Raises:
        ReadError: a value occurs that has no name.
    """
    found = values(path, mask)
    names = names or mask.names
    if not names:
        return {
            value: "foreground" if found == [ONE_CLASS] else f"label {value}" for value in found
        }
    strange = [value for value in found if value not in names]
    if strange:
        raise ReadError(
            path, f"it holds {', '.join(map(str, strange))}, which --classes does not name"
        )
    return dict(names)


def image_for(mask: Mask, path: str | Path, image: Image) -> np.ndarray:
    """The values of the image that a mask was drawn on, `[H, W]` or `[D, H, W]`, in modality units.

    Colour becomes grey by ITU-R BT.601 (0.299 red, 0.587 green, 0.114 blue).

    Args:
        mask: the mask.
        path: of the image.
        image: its content.

    Raises:
        ReadError: it has another shape, spacing or place than the mask.
    """
    pixels = image.pixels[..., 0]
    if image.channels > 1:
        pixels = image.pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    if pixels.shape != mask.labels.shape:
        raise ReadError(path, f"its shape is {pixels.shape}, its mask's {mask.labels.shape}")
    if mask.unit == "mm" and image.spacing_mm is not None:
        if not np.allclose(image.spacing_mm, mask.spacing, rtol=1e-3):
            raise ReadError(path, f"its spacing is {image.spacing_mm}, its mask's {mask.spacing}")
        if image.affine is not None and mask.affine is not None:
            apart = np.abs(image.affine - mask.affine)[:3].max()
            if apart > 0.1 * min(mask.spacing):
                raise ReadError(path, f"it lies {apart:.2g} mm away from its mask")
    return pixels


def reason(error: TfmedError) -> str:
    """What is wrong with a file, without its path."""
    return error.reason if isinstance(error, ReadError) else str(error).partition(": ")[2]
