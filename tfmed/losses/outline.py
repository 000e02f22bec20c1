"""The boundary loss, and the distance maps that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
import tensorflow as tf
from scipy import ndimage

from tfmed.losses.targets import Options, masks


def boundary(distances: tf.Tensor, logits: tf.Tensor, **options: Unpack[Options]) -> tf.Tensor:
    """Boundary loss: the mean of probability times signed distance from the true outline.

    Below 0 where the prediction lies inside. It has no gradient for a class that is absent (its
    distances are 0), so add it to a loss of regions, with a small weight that rises. Source:
    H. Kervadec et al. (2019), arXiv:1812.07032.

    Args:
        distances: float `[B, ..., K]`, of `signed_distances`; NaN where not known.
        logits: `[B, ..., K]`.
        **options: see `Options`.

    Returns:
        `[B]`, in the unit of the distances.
    """
    maps, found = masks(distances, logits, **options)
    return tf.reduce_mean(maps * found, axis=range(1, len(found.shape)))


def signed_distances(
    labels: np.ndarray, classes: int, spacing_mm: Sequence[float] | None = None
) -> np.ndarray:
    """What `boundary` takes: from each voxel the distance to the other side of each class' outline.

    Outside a class, the distance to its nearest voxel; inside, minus the distance to the nearest
    voxel that is not of it; 0 everywhere for a class that has no outline in the image.

    Args:
        labels: whole numbers `[H, W]` or `[D, H, W]`, one image; below 0 is not
            known, and outside of every class.
        classes: K, background included.
        spacing_mm: of a voxel along each axis; None counts in voxels.

    Returns:
        float32 `[..., K]`, mm; NaN where the label is not known.
    """
    maps = np.zeros((*labels.shape, classes), np.float32)
    for label in range(classes):
        mask = labels == label
        if mask.any() and not mask.all():
            outside = ndimage.distance_transform_edt(~mask, sampling=spacing_mm)
            inside = ndimage.distance_transform_edt(mask, sampling=spacing_mm)
            maps[..., label] = outside - inside
    maps[labels < 0] = np.nan
    return maps
