"""Masks as truth: what does not fit its image becomes a reject, the rest is counted."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tfmed.data import mask_files, stack
from tfmed.data.dataset import Dataset
from tfmed.data.mask_files import DICOM_SEG, ONE_FILE_A_CLASS
from tfmed.data.truth import mask_classes, mask_reading
from tfmed.data.truth.known_truth import REASON, Beside, KnownTruth
from tfmed.data.truth.mask_classes import Seen
from tfmed.errors import DataError

TOLD = (mask_reading.VALUES, mask_reading.TIMES, mask_reading.PALETTE, REASON)


class MaskTruth(KnownTruth):
    """A label map an example, on the grid of its image; class 0 is the background."""

    name = "mask"
    expected = (
        "a folder of images and masks, a CSV with the columns image and mask, or synthetic:organs"
    )
    refused = {"positive": "masks take no --positive: name their values with --classes"}
    mend = "give two classes one value in the masks"

    def beside(self, dataset: Dataset) -> Beside:
        """Each mask, on the grid of its image."""
        about = dataset.facts["masks"]
        # What the values of label maps mean may be settled later: they are read all the same.
        own = about["kind"] if about["kind"] in (ONE_FILE_A_CLASS, DICOM_SEG) else "labels"
        needed = {"kind": own, "segments": about.get("segments", [])}
        return Beside(
            kind="masks",
            about=repr(needed),
            files=list(dataset.table["mask"]),
            read=functools.partial(mask_reading.read, needed),
            schema=mask_reading.SCHEMA,
            told=TOLD,
        )

    def audit(self, dataset: Dataset, workers: int | None = None) -> Dataset:
        """The data set with a reject for each bad mask, the voxels of the others counted.

        Where nobody has named the classes, every value that a mask holds is one.

        Returns:
            The data set with the column `class_voxels`: voxels of each class, None where there
            is no mask. Slices of one stack are found too (`tfmed.data.stack`).
        """
        there = dataset.answered
        found = [
            reason or (dict(zip(values, times, strict=True)), palette)
            for values, times, palette, reason in dataset.table.loc[there, list(TOLD)].itertuples(
                index=False, name=None
            )
        ]
        dataset = _named(dataset.with_table(dataset.table.drop(columns=list(TOLD))), found)
        known = [int(value) for value in dataset.facts["masks"]["values"]]
        voxels = pd.Series([None] * len(dataset), dtype="object")
        lost = {}
        for row, one in zip(np.flatnonzero(there).tolist(), found, strict=True):
            if reason := _reason(one, known):
                lost[row] = (str(dataset.table["mask"].iloc[row][0]), reason)
            else:
                voxels[row] = [one[0].get(value, 0) for value in known]
        dataset = dataset.with_table(dataset.table.assign(class_voxels=voxels))
        keep = pd.Series(~dataset.table.index.isin(list(lost)))
        return stack.blocks(dataset.where(keep).with_rejects(list(lost.values())), workers)

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


def _reason(found: Any, known: Sequence[int]) -> str:
    """Why a mask cannot be used, or ""."""
    if isinstance(found, str):
        return found
    counts, palette = found
    strange = [value for value in sorted(counts) if value not in known]
    if not strange:
        return ""
    return mask_files.strange_values(sorted(counts), palette) or mask_files.no_class(strange, known)


def _named(dataset: Dataset, found: Sequence[Any]) -> Dataset:
    """The data set with all the classes that its masks hold, where nobody has named them."""
    about = dataset.facts["masks"]
    if about["kind"] in (ONE_FILE_A_CLASS, DICOM_SEG) or about["named_by"]:
        return dataset
    seen = [
        Seen(frozenset(counts), palette, mask_files.strange_values(sorted(counts), palette))
        for counts, palette in (one for one in found if isinstance(one, tuple))
    ]
    return mask_classes.with_classes(dataset, mask_classes.together(seen), ()) if seen else dataset
