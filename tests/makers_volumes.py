"""Small volumes with masks, as NIfTI files of different sizes and spacings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import makers
import makers_nifti
import numpy as np

from tfmed import data
from tfmed.data.auditing import audit
from tfmed.data.dataset import index

CLASSES = ("background", "ball", "bar")
SHAPES = ((20, 24, 18), (14, 30, 16), (22, 18, 21))
SPACINGS = ((1.0, 1.0, 1.0), (2.0, 1.0, 1.5), (0.8, 0.8, 0.8))
MASKS = {"kind": "labels", "values": [0, 1, 2], "named_by": "", "said": "label maps"}


def drawn(number: int, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a brighter ball and a bar, int16, and their label map, in array order."""
    place = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"))
    middle = np.array(shape).reshape(3, 1, 1, 1) / 2
    mask = (((place - middle) ** 2).sum(0) < 20).astype(np.uint8)
    if number != 2:  # of which one case has none
        mask[2:4, 3:9, 2:4] = 2
    image = makers.noise(shape, number, 0, 100, "int16") + 300 * mask.astype(np.int16)
    return image.astype(np.int16), mask


def dataset(
    folder: Path, shapes: Sequence[Sequence[int]] = SHAPES, unlabelled: int | None = None
) -> data.Dataset:
    """An audited data set of them; the case `unlabelled` has no mask."""
    folder.mkdir(parents=True, exist_ok=True)
    images, masks = [], []
    for number, shape in enumerate(shapes):
        spacing = SPACINGS[number % 3]
        # NIfTI counts columns first; along x and y RAS+ runs against the order of our arrays or
        # not as the reader decides, and both files alike.
        affine = np.diag([*spacing[::-1], 1.0])
        for name, values, paths in zip("im", drawn(number, shape), (images, masks), strict=True):
            path = folder / f"{name}{number}.nii.gz"
            paths.append(str(makers_nifti.save(path, values.T, affine)))
    columns = {
        "id": [str(number) for number in range(len(images))],
        "path": images,
        "mask": [None if n == unlabelled else (path,) for n, path in enumerate(masks)],
    }
    made = data.Dataset(index(columns), CLASSES, "test", facts={"masks": MASKS})
    return audit(made, workers=0)
