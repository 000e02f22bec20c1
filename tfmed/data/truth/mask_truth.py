"""Masks as truth: what does not fit its image becomes a reject, the rest is counted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tfmed.data import mask_files, pool, stack
from tfmed.data.dataset import Dataset
from tfmed.data.mask_files import DICOM_SEG, ONE_FILE_A_CLASS, ScanGrid
from tfmed.data.truth import mask_classes
from tfmed.data.truth.known_truth import KnownTruth
from tfmed.data.truth.mask_classes import Seen
from tfmed.errors import DataError, TfmedError
from tfmed.io import nifti

Counts = dict[int, int]


class MaskTruth(KnownTruth):
    """A label map an example, on the grid of its image; class 0 is the background."""

    name = "mask"
    expected = (
        "a folder of images and masks, a CSV with the columns image and mask, or synthetic:organs"
    )
    refused = {"positive": "masks take no --positive: name their values with --classes"}
    mend = "give two classes one value in the masks"

    def audit(self, dataset: Dataset, workers: int | None = None) -> Dataset:
        """Read every mask once: the data set with a reject for each bad one, the rest counted.

        Where nobody has named the classes, every value that a mask holds is one.

        Args:
            dataset: with the columns of `tfmed.data.auditing.COLUMNS`.
            workers: processes; None for one a core, 0 for none.

        Returns:
            The data set with the column `class_voxels`: voxels of each class, None where there
            is no mask. Slices of one stack are found too (`tfmed.data.stack`).
        """
        about = dataset.facts["masks"]
        rows = np.flatnonzero(dataset.table["mask"].notna()).tolist()
        if not rows:
            return dataset.with_table(dataset.table.assign(class_voxels=None))
        table = dataset.table.iloc[rows]
        items = [(example, about) for example in table.to_dict("records")]
        found = pool.run(_counted, items, workers=workers, what="reading masks")
        dataset, about = _named(dataset, found)
        known = [int(value) for value in about["values"]]
        reasons = [_reason(one, known) for one in found]
        voxels = pd.Series([None] * len(dataset), dtype="object")
        for row, one, reason in zip(rows, found, reasons, strict=True):
            voxels[row] = None if reason else [one[0].get(value, 0) for value in known]
        bad = {row: reason for row, reason in zip(rows, reasons, strict=True) if reason}
        dataset = dataset.with_table(dataset.table.assign(class_voxels=voxels))
        lost = [(str(dataset.table["mask"].iloc[row][0]), reason) for row, reason in bad.items()]
        keep = ~dataset.table.index.isin(list(bad))
        dataset = dataset.where(pd.Series(keep)).with_rejects(lost)
        return stack.blocks(dataset, workers)

    def untold(self, dataset: Dataset) -> Dataset:
        """Images alone, in no part."""
        facts = {name: fact for name, fact in dataset.facts.items() if name != "masks"}
        bare = dataset.table.drop(columns="mask").assign(split="")
        return replace(dataset.with_table(bare), facts=facts, classes=())

    def strata(self, dataset: Dataset) -> np.ndarray:
        """The classes that each mask shows; before an audit all of them."""
        found = self.known(dataset.table).astype(int)[:, None].repeat(len(dataset.classes), axis=1)
        if "class_voxels" in dataset.table:
            for row, voxels in enumerate(dataset.table["class_voxels"]):
                if voxels is not None:
                    found[row] = np.asarray(voxels) > 0
        return found

    def named(self, dataset: Dataset) -> tuple[str, ...]:
        """All but the background, which is everywhere, or need not be."""
        return dataset.classes[1:]

    def check(self, dataset: Dataset) -> None:
        """Refuse data without masks, and classes that no mask shows.

        Raises:
            DataError: it is such.
        """
        if not dataset.labelled:
            raise DataError(f"{dataset.name} has no masks; expected some to learn from")
        times = self.times(dataset)
        empty = [name for name in self.named(dataset) if not times[name]]
        if empty:
            raise DataError(
                f"no mask of {dataset.name} shows {', '.join(map(repr, empty))}; "
                f"{dataset.facts['masks']['said']}. Leave the class out, or name values with "
                "--classes"
            )


def _counted(item: tuple[Mapping[str, Any], Mapping[str, Any]]) -> tuple[Counts, bool] | str:
    """Voxels of each stored value, and whether they are a palette's; or what is wrong."""
    example, about = item
    try:
        values, palette = mask_files.stored(example, about, _grid(example))
    except TfmedError as error:
        return mask_files.reason(error)
    return mask_files.counted(values), palette


def _grid(example: Mapping[str, Any]) -> ScanGrid:
    """The image's grid by what its audit told; its place in space by its header."""
    shape = tuple(int(example[name]) for name in ("depth", "height", "width"))
    spacing = tuple(example[f"{name}_spacing_mm"] for name in ("slice", "row", "column"))
    axes = slice(1, None) if shape[0] == 1 else slice(None)
    known = not any(math.isnan(length) for length in spacing[axes])
    affine = nifti.read_header(example["path"]).affine if example["format"] == "nifti" else None
    return ScanGrid(shape[axes], spacing[axes] if known else None, affine)


def _reason(found: Any, known: Sequence[int]) -> str:
    """Why a mask cannot be used, or ""."""
    if isinstance(found, pool.Crash):
        return found.reason
    if isinstance(found, str):
        return found
    counts, palette = found
    strange = [value for value in sorted(counts) if value not in known]
    if not strange:
        return ""
    return mask_files.strange_values(sorted(counts), palette) or mask_files.no_class(strange, known)


def _named(dataset: Dataset, found: Sequence[Any]) -> tuple[Dataset, dict[str, Any]]:
    """The data set with all the classes that its masks hold, where nobody has named them."""
    about = dataset.facts["masks"]
    if about["kind"] not in (ONE_FILE_A_CLASS, DICOM_SEG) and not about["named_by"]:
        read = [one for one in found if isinstance(one, tuple)]
        seen = [
            Seen(frozenset(counts), palette, mask_files.strange_values(sorted(counts), palette))
            for counts, palette in read
        ]
        if seen:
            dataset = mask_classes.with_classes(dataset, mask_classes.together(seen), ())
    return dataset, dataset.facts["masks"]
