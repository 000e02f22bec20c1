"""Label maps from files: which voxels belong to which structure, and how large a voxel is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfmed import io
from tfmed.errors import ConfigError, GeometryError, ReadError, TfmedError
from tfmed.image import Image
from tfmed.io import mask as label_map

MOST_CLASSES = 64
SUFFIXES = (".nii", ".nii.gz", ".hdr", ".png", ".tif", ".tiff", ".npy", ".bmp")
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
    """

    labels: np.ndarray
    spacing: tuple[float, ...]
    unit: str
    affine: np.ndarray | None = None

    @property
    def flat(self) -> bool:
        """Whether it is one image and no volume."""
        return self.labels.ndim == 2


def read(path: str | Path, spacing_mm: Sequence[float] | None = None) -> Mask:
    """Read a label map: NIfTI, PNG, TIFF, BMP or NPY.

    Of a palette the indices are the labels, not the colours. 0 and 255 stay 0 and 255, one bit
    becomes 0 and 255.

    Args:
        path: the file.
        spacing_mm: of files that tell none: `(row, column)` or `(slice, row, column)`.

    Raises:
        ReadError: it cannot be read, is a colour picture or a clip, or holds numbers that are
            no labels.
        GeometryError: `spacing_mm` has another number of axes than the file.
    """
    found = label_map.read(path)
    spacing = found.spacing_mm
    axes = found.labels.ndim
    if spacing is None and spacing_mm is not None:
        if len(spacing_mm) != axes:
            raise GeometryError(
                f"{path}: --spacing-mm has {len(spacing_mm)} numbers, the mask has {axes} "
                "axes; expected (row column) for images, (slice row column) for volumes"
            )
        spacing = tuple(spacing_mm)
    unit = "px" if spacing is None else "mm"
    known = spacing or (1.0,) * axes
    if not all(np.isfinite(known)) or min(known) <= 0:
        raise ReadError(path, f"its spacing is {known}; lengths above 0 are expected")
    return Mask(found.labels, known, unit, found.affine)


def values(path: str | Path, mask: Mask) -> list[int]:
    """The labels that occur, without 0.

    Raises:
        ReadError: there are so many that it is an image, or a map with a value for each object.
    """
    found = [int(value) for value in np.unique(mask.labels) if value]
    if len(found) > MOST_CLASSES:
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

    Raises:
        ReadError: a value occurs that has no name.
    """
    found = values(path, mask)
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


def image_for(mask: Mask, path: str | Path) -> np.ndarray:
    """The image that a mask was drawn on, `[H, W]` or `[D, H, W]`, in modality units.

    Colour becomes grey by ITU-R BT.601 (0.299 red, 0.587 green, 0.114 blue).

    Raises:
        TfmedError: it cannot be read, or has another shape, spacing or place than the mask.
    """
    image: Image = io.read(path)
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
