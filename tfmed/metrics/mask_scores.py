"""Scores of segmentations: how well one mask, or each class of a label map, was found.

NumPy in, plain numbers out, with units in their names. Each structure is cropped to the box that
holds it in both masks and its surfaces are computed once; all scores follow from that:

- `dice`, `iou`: overlap of the voxels, 0 to 1.
- `nsd`: surface Dice, the share of both surfaces within the tolerance of the other, 0 to 1.
- `hd95_mm`: distance within which 95 % of each surface lies from the other; 0 is best.
- `volume_truth_ml`, `volume_predicted_ml`, `volume_difference_ml` (predicted less truth); of
  images `area_truth_mm2` and so on.

Without a spacing a voxel counts as 1 along each axis and the units are `px`, `px2`, `px3`.

A structure that is in one mask alone was missed or invented and has the worst scores: `dice`,
`iou` and `nsd` are 0, and `hd95_mm` is the diagonal of the image, which no distance in it exceeds.
A structure that is in neither has nothing to be scored: those four are NaN, and the volumes 0.
Leave such pairs out of a mean and say how many they were; never leave out any other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from tfmed.errors import DataError, GeometryError
from tfmed.metrics import surface_distance

TOLERANCE_MM = 1.0
MM3_IN_ML = 1000.0

Box = tuple[slice, ...]


def scores(
    truth: np.ndarray,
    predicted: np.ndarray,
    labels: Sequence[int],
    spacing_mm: Sequence[float] | None = None,
    tolerance_mm: float = TOLERANCE_MM,
) -> dict[int, dict[str, float]]:
    """The scores of each class of a pair of label maps, by label.

    Args:
        truth: whole numbers `[H, W]` or `[D, H, W]`, 0 is background.
        predicted: whole numbers of the same shape.
        labels: of the classes to score, each 1 or more; voxels of others are background.
        spacing_mm: of a voxel along each axis; None where it is not known.
        tolerance_mm: how far a surface may lie from the other for `nsd`; in voxels without a
            spacing.

    Raises:
        DataError: the maps do not hold whole numbers, are not of one shape of two or three axes,
            or a label is below 1.
        GeometryError: the spacing is not one positive number an axis.
    """
    _check(truth, predicted, labels)
    spacing = _spacing(spacing_mm, truth.ndim)
    maps = [_signed(labelled) for labelled in (truth, predicted)]
    boxes = [ndimage.find_objects(labelled, max(labels, default=0)) for labelled in maps]
    found = {}
    for label in labels:
        box = _joint(boxes[0][label - 1], boxes[1][label - 1])
        crops = [labelled[box] == label for labelled in maps] if box else []
        values = _overlaps(crops, truth.shape, spacing, tolerance_mm)
        counts = [int(crop.sum()) for crop in crops] or [0, 0]
        found[label] = _named(values, counts, spacing, spacing_mm is not None)
    return found


def _check(truth: np.ndarray, predicted: np.ndarray, labels: Sequence[int]) -> None:
    for labelled in (truth, predicted):
        if labelled.dtype.kind not in "biu":
            raise DataError(f"a mask has dtype {labelled.dtype}; expected whole numbers or bool")
    if truth.shape != predicted.shape or truth.ndim not in (2, 3):
        raise DataError(
            f"truth has shape {truth.shape} and prediction {predicted.shape}; expected one "
            "shape, [H, W] or [D, H, W]"
        )
    if any(label < 1 for label in labels):
        raise DataError(f"labels are {list(labels)}; expected 1 and more, as 0 is background")


def _spacing(spacing_mm: Sequence[float] | None, axes: int) -> tuple[float, ...]:
    if spacing_mm is None:
        return (1.0,) * axes
    spacing = tuple(float(length) for length in spacing_mm)
    if len(spacing) != axes or not all(0 < length < np.inf for length in spacing):
        raise GeometryError(f"spacing_mm is {spacing}; expected {axes} positive numbers")
    return spacing


def _signed(labelled: np.ndarray) -> np.ndarray:
    """The map in a dtype that SciPy finds objects in: not bool, nor unsigned of 64 bits."""
    if labelled.dtype == bool:
        return labelled.view(np.uint8)
    return labelled.astype(np.int64) if labelled.dtype == np.uint64 else labelled


def _joint(first: Box | None, second: Box | None) -> Box | None:
    """The smallest box that holds both."""
    if first is None or second is None:
        return first or second
    return tuple(
        slice(min(a.start, b.start), max(a.stop, b.stop))
        for a, b in zip(first, second, strict=True)
    )


def _overlaps(
    crops: list[np.ndarray],
    shape: tuple[int, ...],
    spacing: tuple[float, ...],
    tolerance_mm: float,
) -> tuple[float, float, float, float]:
    """Dice, IoU, NSD and HD95 of one structure; no crops where no mask has it."""
    if not crops:
        return (np.nan,) * 4
    truth, predicted = crops
    if not truth.any() or not predicted.any():
        diagonal = float(np.linalg.norm(np.multiply(shape, spacing)))
        return 0.0, 0.0, 0.0, diagonal
    both = int((truth & predicted).sum())
    sizes = int(truth.sum()) + int(predicted.sum())
    apart = surface_distance.distances(truth, predicted, spacing)
    return (
        2 * both / sizes,
        both / (sizes - both),
        surface_distance.overlap(apart, tolerance_mm),
        surface_distance.hausdorff(apart),
    )


def _named(
    values: tuple[float, float, float, float],
    counts: list[int],
    spacing: tuple[float, ...],
    known: bool,
) -> dict[str, float]:
    """The scores under their names, with the volumes that follow from the counts of voxels."""
    dice, iou, nsd, hd95 = values
    axes = len(spacing)
    kind = "volume" if axes == 3 else "area"
    unit = ("ml" if axes == 3 else "mm2") if known else f"px{axes}"
    voxel = float(np.prod(spacing)) / (MM3_IN_ML if unit == "ml" else 1.0)
    truth, predicted = (count * voxel for count in counts)
    return {
        "dice": dice,
        "iou": iou,
        "nsd": nsd,
        "hd95_mm" if known else "hd95_px": hd95,
        f"{kind}_truth_{unit}": truth,
        f"{kind}_predicted_{unit}": predicted,
        f"{kind}_difference_{unit}": predicted - truth,
    }
