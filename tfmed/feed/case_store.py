"""Whole cases at the network's spacing: images and masks in chunks of the store, and facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tfmed.data import Dataset
from tfmed.data.resampling import resampled_size
from tfmed.errors import DataError
from tfmed.feed.case_records import IMAGE, MASK, CaseRecords
from tfmed.feed.chunks import CHUNK, Chunks
from tfmed.feed.encoding import encoding
from tfmed.feed.places import Foreground
from tfmed.feed.store import keep, require_examples
from tfmed.transforms.normalisation import Normalisation

SLICE_CHUNK = (1, 64, 64)
SPACINGS = ["slice_spacing_mm", "row_spacing_mm", "column_spacing_mm"]


@dataclass(frozen=True, eq=False)
class CaseStore:
    """Images with their masks at the network's spacing; row i is the data set's row i.

    Attributes:
        images: in modality units.
        masks: class numbers; None where no case has a mask.
        labelled: bool `[N]`, which cases have one.
        normalisation: the plan's.
        statistics: float32 `[N, 2]`, mean and std by which each case is normalised.
        foreground: voxels of each class but the background.
    """

    images: Chunks
    masks: Chunks | None
    labelled: np.ndarray
    normalisation: Normalisation
    statistics: np.ndarray
    foreground: Foreground

    def __len__(self) -> int:
        return len(self.images)

    @property
    def path(self) -> Path:
        """Of the file."""
        return self.images.blocks.path

    @property
    def shapes(self) -> np.ndarray:
        """Int64 `[N, 2]` or `[N, 3]`, of each case."""
        return self.images.shapes

    def take(self, rows: np.ndarray) -> CaseStore:
        """A part of the cases over the same file: `rows` are positions, or a boolean each."""
        return replace(
            self,
            images=self.images.take(rows),
            masks=None if self.masks is None else self.masks.take(rows),
            labelled=self.labelled[rows],
            statistics=self.statistics[rows],
            foreground=self.foreground.take(rows),
        )

    def case(self, row: int) -> tuple[np.ndarray, np.ndarray | None]:
        """One whole case at the network's spacing, in NumPy.

        Returns:
            float32 `[D, H, W, C]` or `[H, W, C]` in modality units, and its mask, uint8 without
            the last axis, or None.
        """
        pixels = self.images.whole(row)
        if self.masks is None or not self.labelled[row]:
            return pixels, None
        return pixels, self.masks.whole(row)[..., 0].astype(np.uint8)


def build(
    dataset: Dataset,
    *,
    spacing_mm: Sequence[float] | None,
    normalisation: Normalisation,
    slice_wise: bool = False,
    folder: Path | None = None,
    workers: int | None = None,
) -> CaseStore:
    """Read and resample every case once, or find the file that an earlier call has left.

    A call that was killed is gone on with; one of another process is waited for.

    Args:
        dataset: audited, with or without masks; images all flat, or all volumes.
        spacing_mm: of the network's voxels, see `tfmed.data.resampling.resample_case`; None
            resamples nothing.
        normalisation: by which statistics are taken.
        slice_wise: whether patches will be single slices of volumes.
        folder: where cache files live; `tfmed.data.home() / "cache"` by default.
        workers: processes; one a CPU by default, 0 for none.

    Raises:
        ReadError: a file cannot be read any more, or holds something else than the audit found.
        DataError: the data set is empty or mixed, a mask does not fit its image, or the folder
            cannot be written.
        GeometryError: a case without a known spacing is to be resampled.
    """
    require_examples(dataset, "cases")
    shapes = _shapes(dataset, spacing_mm)
    records = CaseRecords(
        dataset=dataset,
        spacing_mm=None if spacing_mm is None else tuple(map(float, spacing_mm)),
        normalisation=normalisation,
        shapes=shapes,
        chunk=SLICE_CHUNK if slice_wise and shapes.shape[1] == 3 else CHUNK[shapes.shape[1]],
        stored=encoding(dataset, normalisation.window),
        workers=workers,
    )
    lease = keep(records.content, folder)
    statistics, foreground = records.facts(lease)
    return CaseStore(
        images=records.chunks(lease, IMAGE),
        masks=records.chunks(lease, MASK) if records.labelled.any() else None,
        labelled=records.labelled,
        normalisation=normalisation,
        statistics=statistics,
        foreground=foreground,
    )


def _shapes(dataset: Dataset, spacing_mm: Sequence[float] | None) -> np.ndarray:
    """The size of each case at the network's spacing."""
    table = dataset.table
    flat = table["depth"] == 1
    if table["channels"].nunique() > 1:
        raise DataError("grey and colour images cannot be cases of one network")
    if flat.any() and not flat.all():
        raise DataError(
            f"{int(flat.sum())} of {len(table)} images are single slices and the others volumes; "
            "cases of one network are all of one kind: leave either out"
        )
    axes = ["height", "width"] if flat.all() else ["depth", "height", "width"]
    own = table[SPACINGS[-len(axes) :]].to_numpy(float)
    found = []
    for shape, spacing in zip(table[axes].to_numpy(int).tolist(), own.tolist(), strict=True):
        known = None if np.isnan(spacing).any() else spacing
        found.append(resampled_size(shape, known, spacing_mm))
    return np.array(found, np.int64)
