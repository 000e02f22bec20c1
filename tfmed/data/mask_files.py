"""Mask files to label maps in class order, on the grid of their image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfmed.errors import DataError, GeometryError, TfmedError
from tfmed.image import Image
from tfmed.io import dicom_seg_slices, mask
from tfmed.io.dicom_seg import APART_SHARE
from tfmed.io.dicom_seg_slices import SPACING_SHARE

ONE_FILE_A_CLASS, DICOM_SEG = "one file a class", "dicom seg"
FULL = 255
BLOCK_VALUES = 1 << 22
MOST_VALUES = 64
NEAR = 8  # to 0 and 255, where lossy formats move these


@dataclass(frozen=True, eq=False)
class ScanGrid:
    """Where the voxels of an image lie.

    Attributes:
        shape: `(rows, columns)` or `(slices, rows, columns)`.
        spacing_mm: along the same axes, or None.
        affine: as of `tfmed.image.Image`, or None.
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...] | None = None
    affine: np.ndarray | None = None


def grid(image: Image) -> ScanGrid:
    """The grid of an image that was read."""
    return ScanGrid(image.pixels.shape[:-1], image.spacing_mm, image.affine)


def stored(
    example: Mapping[str, Any], about: Mapping[str, Any], on: ScanGrid
) -> tuple[np.ndarray, bool]:
    """The values of an example's mask as its files hold them, on the grid of its image.

    Args:
        example: `mask` (its files) and, for DICOM SEG, the image's `path` and `files`.
        about: `facts["masks"]` of its data set.
        on: where the image lies.

    Returns:
        Unsigned integers of `on.shape`, of one file a class and of DICOM SEG class numbers; and
        whether they are the indices of a palette.

    Raises:
        ReadError: a file cannot be read, or is no label map.
        DataError: it has another shape, or its values are no labels.
        GeometryError: it has another spacing, or lies elsewhere.
    """
    files = [str(path) for path in example["mask"]]
    if about["kind"] == DICOM_SEG:
        segments = about["segments"]
        return dicom_seg_slices.label_map(files, example, segments, on.shape, on.spacing_mm), False
    if about["kind"] != ONE_FILE_A_CLASS:
        return _file(files[0], on)
    joined = np.zeros(on.shape, np.uint8)
    for number, path in enumerate(files, start=1):
        values, _ = _file(path, on)
        held = sorted(counted(values).keys() - {0})
        if len(held) > 1:
            raise DataError(
                f"{path}: it holds {_listed(held)} beside 0; a file for one class holds 0 and one "
                "other value"
            )
        joined[values > 0] = number
    return joined, False


def counted(values: np.ndarray) -> dict[int, int]:
    """How often each value occurs, block by block: sorting a large volume would take long.

    Args:
        values: unsigned integers.
    """
    if values.dtype.itemsize > 2:
        held, times = np.unique(values, return_counts=True)
        return dict(zip(held.tolist(), times.tolist(), strict=True))
    flat = values.reshape(-1)
    total = np.zeros(1 << 8 * values.dtype.itemsize, np.int64)
    for start in range(0, flat.size, BLOCK_VALUES):
        block = np.bincount(flat[start : start + BLOCK_VALUES])
        total[: len(block)] += block
    return {value: int(total[value]) for value in np.flatnonzero(total).tolist()}


def numbered(values: np.ndarray, about: Mapping[str, Any], path: str) -> np.ndarray:
    """Stored values as class numbers, uint8.

    Raises:
        DataError: a value is none of the data set's classes.
    """
    known = [int(value) for value in about["values"]]
    held = sorted(counted(values))
    strange = [value for value in held if value not in known]
    if strange:
        raise DataError(f"{path}: {no_class(strange, known)}")
    table = np.zeros(held[-1] + 1, np.uint8)
    for number, value in enumerate(known):
        table[value : value + 1] = number
    return table[values]


def no_class(strange: Sequence[int] | np.ndarray, known: Sequence[int]) -> str:
    """What is wrong with values that are no classes."""
    return (
        f"it holds {_listed(strange)}, and the classes are {_listed(known)}; mend the mask, or "
        "name its values with --classes NAME=VALUE"
    )


def strange_values(held: Sequence[int], palette: bool) -> str:
    """Why the values of one mask, in order, can hardly be labels, or ""."""
    if len(held) > MOST_VALUES:
        return f"it holds {len(held):,} different values: an image and no mask?"
    ends = all(value <= NEAR or value >= FULL - NEAR for value in held)
    if ends and not palette and len(held) > 2 and held[-1] == FULL:
        return (
            f"it holds {_listed(held)}, values near 0 and 255 as in a JPEG or a smoothed mask: "
            "write 0 and 255 alone, or name the values with --classes NAME=VALUE"
        )
    return ""


def reason(error: TfmedError) -> str:
    """What an error says without the file's path, for the table of rejects."""
    return str(getattr(error, "reason", None) or str(error).partition(": ")[2] or error)


def _file(path: str, on: ScanGrid) -> tuple[np.ndarray, bool]:
    found = mask.read(path)
    if found.labels.shape != tuple(on.shape):
        raise DataError(f"{path}: its shape is {found.labels.shape}, its image's {tuple(on.shape)}")
    check_place(path, ScanGrid(found.labels.shape, found.spacing_mm, found.affine), on)
    return found.labels, found.palette


def check_place(path: str, mine: ScanGrid, on: ScanGrid) -> None:
    """Compare where a mask lies with where its image does, as far as both tell it.

    Raises:
        GeometryError: they differ, or the image has a place in space and the NIfTI mask none.
    """
    if mine.spacing_mm is None or on.spacing_mm is None:
        return
    if not np.allclose(mine.spacing_mm, on.spacing_mm, rtol=SPACING_SHARE):
        raise GeometryError(
            f"{path}: its spacing is {_short(mine.spacing_mm)} mm, its image's "
            f"{_short(on.spacing_mm)} mm; resample one of them"
        )
    if (mine.affine is None) != (on.affine is None):
        bare = "it has" if mine.affine is None else "its image has"
        raise GeometryError(
            f"{path}: {bare} neither sform nor qform, so that it is not known which way its axes "
            "run against those of the other; write the affine of one into the other"
        )
    if mine.affine is not None and on.affine is not None:
        apart = float(_corners(mine.affine - on.affine, on.shape))
        if apart > APART_SHARE * min(on.spacing_mm):
            raise GeometryError(
                f"{path}: it lies up to {apart:.2g} mm away from its image; resample it to the "
                "image, or mend its affine"
            )


def _corners(difference: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """How far apart two affines put a corner of the volume, at most."""
    sizes = (1,) * (3 - len(shape)) + tuple(shape)
    ends = np.array(np.meshgrid(*[(0, size - 1) for size in sizes])).reshape(3, -1)
    moved = difference[:3, :3] @ ends + difference[:3, 3:]
    return np.linalg.norm(moved, axis=0).max()


def _short(lengths: Sequence[float]) -> str:
    return " ".join(f"{length:.4g}" for length in lengths)


def _listed(values: Sequence[int] | np.ndarray) -> str:
    shown = ", ".join(str(int(value)) for value in values[:8])
    return shown + (", ..." if len(values) > 8 else "")
