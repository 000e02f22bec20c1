"""Clean-up of label maps: of a class, only the largest connected part."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import ndimage

from tfmed.errors import DataError


def keep_largest(label_map: np.ndarray, labels: Iterable[int]) -> np.ndarray:
    """Leave only the largest part of each named class; smaller ones become background.

    Voxels that touch at a face, an edge or a corner are connected. Of parts of one size, the first
    in the order of the voxels stays.

    Args:
        label_map: uint8 `[H, W]` or `[D, H, W]`.
        labels: of the classes to clean, from 1.

    Returns:
        uint8 of the same shape; the map itself where nothing was to be done.
    """
    labels = tuple(labels)
    if any(label < 1 for label in labels):
        raise DataError(f"labels are {labels}; the background, 0, is not cleaned")
    result = label_map
    boxes = ndimage.find_objects(label_map, max(labels, default=0))
    for label in labels:
        box = boxes[label - 1]
        if box is None:
            continue
        own = label_map[box] == label
        parts, count = ndimage.label(own, np.ones((3,) * own.ndim, bool))
        if count < 2:
            continue
        largest = np.bincount(parts.reshape(-1))[1:].argmax() + 1
        if result is label_map:
            result = label_map.copy()
        result[box][own & (parts != largest)] = 0
    return result


def clean_up(
    predicted: Iterable[np.ndarray], truths: Iterable[np.ndarray], classes: int
) -> tuple[int, ...]:
    """The classes of which only the largest part should be kept, judged on validation cases.

    A class is named if its mean Dice rises by it. What is taken from a class becomes background,
    so no other class can drop, and the mean over classes rises too. Cases without the class in
    truth and prediction do not count; one that has it in either alone scores 0 both ways.

    Args:
        predicted: label maps uint8 `[H, W]` or `[D, H, W]`; may be a generator.
        truths: the cases' own label maps, in the same order.
        classes: how many there are, the background included.

    Returns:
        Labels, ascending, as `keep_largest` takes them.

    Raises:
        DataError: a pair differs in shape.
    """
    gains = np.zeros(classes)
    every = range(1, classes)
    for before, truth in zip(predicted, truths, strict=True):
        if before.shape != truth.shape:
            raise DataError(f"a label map of shape {before.shape} came for one of {truth.shape}")
        after = keep_largest(before, every)
        gains += _dice(after, truth, classes) - _dice(before, truth, classes)
    return tuple(label for label in every if gains[label] > 0)


def _dice(predicted: np.ndarray, truth: np.ndarray, classes: int) -> np.ndarray:
    """Dice of each label, float64 `[classes]`; 0 where neither has it."""
    table = np.zeros((classes, classes), np.int64)
    for own, other in zip(predicted, truth, strict=True):  # by rows: counting takes 8 bytes a voxel
        pairs = np.ravel(own).astype(np.intp) * classes + np.ravel(other)
        table += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    sizes = table.sum(axis=0) + table.sum(axis=1)
    return 2 * np.diag(table) / np.maximum(sizes, 1)
