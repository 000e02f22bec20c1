"""`Fingerprint`: what the training part looks like, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tfmed.data.dataset import Dataset
from tfmed.errors import DataError
from tfmed.tasks.recognition.inputs import Input, input_of


@dataclass(frozen=True)
class Fingerprint:
    """What the training part looks like, in numbers that a plan follows from.

    Attributes:
        examples: how many.
        size: median `(H, W)` or `(D, H, W)` in pixels.
        channels: 3 if any image has colour; three equal channels, as of grey video, are none.
        bits: the most bits stored in any image.
        modality: the DICOM modality that all share, or `""`.
        units: the physical units that all share, or `""`.
        low, high: medians of the images' 0.5 and 99.5 percentiles, in modality units.
        mean, std: of all pixels, in modality units.
        clip: whether the examples are clips, whose first axis is time.
    """

    examples: int
    size: tuple[int, ...]
    channels: int
    bits: int
    modality: str
    units: str
    low: float
    high: float
    mean: float
    std: float
    clip: bool = False

    @property
    def input(self) -> Input:
        """What an example is."""
        return input_of(len(self.size), self.clip)


def fingerprint(train: Dataset) -> Fingerprint:
    """Summarise an audited training part.

    Raises:
        DataError: the part is empty, or holds clips among images or volumes.
    """
    table = train.table
    if table.empty:
        raise DataError("the training part is empty: nothing to plan from")
    clips = int(table["clip"].sum()) if "clip" in table else 0
    if clips not in (0, len(table)):
        raise DataError(
            f"{clips} of {len(table)} training examples are clips, whose first axis is time, the "
            "others images or volumes: a model takes either"
        )
    flat = not clips and (table["depth"] == 1).all()
    axes = ["height", "width"] if flat else ["depth", "height", "width"]
    coloured = table["coloured"] if "coloured" in table else table["channels"] > 1
    means, stds = table["mean"].to_numpy(float), table["std"].to_numpy(float)
    return Fingerprint(
        examples=len(table),
        size=tuple(round(float(table[axis].median())) for axis in axes),
        channels=int(table["channels"].where(coloured, 1).max()),
        bits=int(table["bits"].max()),
        modality=_shared(table["modality"]),
        units=_shared(table["units"]),
        low=float(table["p005"].median()),
        high=float(table["p995"].median()),
        mean=float(means.mean()),
        std=float(np.sqrt((stds**2).mean() + means.var())),
        clip=clips > 0,
    )


def _shared(column: Any) -> str:
    """The one value that all rows have, or nothing."""
    values = set(column.fillna("").astype(str))
    return values.pop() if len(values) == 1 else ""
