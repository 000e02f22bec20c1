"""A mask read together with its image: what an audit and a plan want to know of the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from tfmed.data import mask_files
from tfmed.data.mask_files import ScanGrid
from tfmed.data.truth.known_truth import REASON
from tfmed.errors import TfmedError
from tfmed.image import Image

QUANTILES = 1024  # of a case's foreground: ranks are right to 0.05 %
MOST_VALUES = 1 << 20  # of a case, drawn with replacement where it has more
SEED = 1234

VALUES, TIMES, PALETTE = "mask_values", "mask_times", "mask_palette"
BOX, BOX_SHARE, FOREGROUND, SPREAD = "box", "box_share", "foreground", "foreground_spread"
# Stored values and how often each occurs, whether they are a palette's; and the sides of the box
# around all voxels of the image that are not 0, its share of the image; of the values in the
# foreground `quantiles`, and minimum, maximum, mean and standard deviation.
SCHEMA = pa.schema(
    {
        VALUES: pa.list_(pa.int64()),
        TIMES: pa.list_(pa.int64()),
        PALETTE: pa.bool_(),
        BOX: pa.list_(pa.int64()),
        BOX_SHARE: pa.float64(),
        FOREGROUND: pa.list_(pa.float32()),
        SPREAD: pa.list_(pa.float64()),
        REASON: pa.string(),
    }
)


def read(
    about: Mapping[str, Any], image: Image, example: Mapping[str, Any], files: Sequence[str]
) -> dict[str, Any]:
    """Read an example's mask on the grid of its image.

    Args:
        about: `kind` and `segments` of `facts["masks"]`.
        image: the example; of a clip a sample of its frames.
        example: its `path`, `files` and `frame`.
        files: of its mask.

    Returns:
        The columns of `SCHEMA`; of a mask that cannot be used the reason alone.
    """
    grid = mask_files.grid(image)
    if image.clip:
        grid = ScanGrid((image.frames, *grid.shape[1:]), grid.spacing_mm, grid.affine)
    try:
        values, palette = mask_files.stored({**example, "mask": files}, about, grid)
    except TfmedError as error:
        return {REASON: mask_files.reason(error)}
    counts = mask_files.counted(values)
    told = {VALUES: list(counts), TIMES: list(counts.values()), PALETTE: palette, REASON: ""}
    if image.clip:
        return told
    sides = box((image.pixels != 0).any(axis=-1))
    inside = image.pixels[values > 0].ravel()
    return told | {
        BOX: list(sides),
        BOX_SHARE: float(np.prod(sides) / np.prod(grid.shape)),
        FOREGROUND: quantiles(inside),
        SPREAD: spread(inside),
    }


def box(inside: np.ndarray) -> tuple[int, ...]:
    """Sides of the box around all that is True; holes in it change nothing. Whole if none is."""
    sides = []
    for axis, whole in enumerate(inside.shape):
        others = tuple(other for other in range(inside.ndim) if other != axis)
        found = np.flatnonzero(inside.any(axis=others))
        sides.append(int(found[-1] - found[0] + 1) if len(found) else whole)
    return tuple(sides)


def quantiles(values: np.ndarray) -> np.ndarray:
    """Float32 `[QUANTILES]`, evenly spread in rank; empty where there are no values.

    Percentiles of cases together are those of their quantiles, where each case counts the same.
    """
    if not values.size:
        return np.empty(0, np.float32)
    if values.size > MOST_VALUES:
        values = np.random.default_rng(SEED).choice(values, MOST_VALUES)
    ranks = (np.arange(QUANTILES) + 0.5) / QUANTILES * values.size
    return np.sort(values)[ranks.astype(int)].astype(np.float32)


def spread(values: np.ndarray) -> list[float]:
    """Minimum, maximum, mean and standard deviation; nothing where there are no values."""
    if not values.size:
        return []
    mean, std = values.mean(dtype=np.float64), values.std(dtype=np.float64)
    return [float(one) for one in (values.min(), values.max(), mean, std)]
