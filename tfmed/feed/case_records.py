"""What the store keeps of a case: the chunks of its image, those of its mask, and its facts.

Facts are statistics, how many voxels of each class are known, and where these are. So every case
is read once, and all of it is read in the graph with no Python.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tfmed.data import Dataset, pool
from tfmed.data.resampled import POSITIONS, Resampled, WantedCase, read
from tfmed.errors import ReadError, TfmedError
from tfmed.feed.chunks import Chunks, count_chunks, cut
from tfmed.feed.encoding import Encoding
from tfmed.feed.identity import listed
from tfmed.feed.lease import Lease
from tfmed.feed.places import Foreground
from tfmed.feed.store import Content, Example
from tfmed.transforms.normalisation import Normalisation

SECONDS = 600.0  # that a case may take
LABELS, NUMBERS = Encoding("uint8"), Encoding("int32")
IMAGE, MASK, FACTS = range(3)  # kinds of records


@dataclass(frozen=True, eq=False)
class CaseRecords:
    """The records of a data set's cases, written and read.

    Attributes:
        dataset: audited.
        spacing_mm: target, as `resample_case` takes it.
        normalisation: by which statistics are taken.
        shapes: int64 `[N, axes]`, of each case at that spacing.
        chunk: size of one.
        stored: how the images' values are stored.
        workers: processes that read.
    """

    dataset: Dataset
    spacing_mm: tuple[float, ...] | None
    normalisation: Normalisation
    shapes: np.ndarray
    chunk: tuple[int, ...]
    stored: Encoding
    workers: int | None

    @property
    def channels(self) -> int:
        """Of every image."""
        return int(self.dataset.table["channels"].iloc[0])

    @property
    def structures(self) -> int:
        """Classes without the background."""
        return max(0, len(self.dataset.classes) - 1)

    @cached_property
    def labelled(self) -> np.ndarray:
        """Bool `[N]`, which cases have a mask."""
        table = self.dataset.table
        there = table["mask"].notna() if "mask" in table else np.zeros(len(table))
        return np.asarray(there, bool)

    @cached_property
    def content(self) -> Content:
        """What the store keeps."""
        rule = self.normalisation
        # Statistics that are not the case's own are not in the file.
        own = None if rule.fixed else (rule.window, rule.nonzero)
        about = (self.spacing_mm, own, self.chunk, self.channels, tuple(self.stored))
        voxels = count_chunks(self.shapes, self.chunk) * math.prod(self.chunk)
        one = self.channels * np.dtype(self.stored.dtype).itemsize
        facts = 4 * (2 + self.structures * (1 + POSITIONS))
        return Content(
            self.dataset,
            about=(*about, self.dataset.classes, self.dataset.facts.get("masks")),
            lengths=np.stack([voxels * one, voxels * self.labelled, np.full(len(voxels), facts)]),
            read=self._read,
            unit="cases",
            masks=True,
        )

    def _read(self, rows: np.ndarray) -> Generator[Example]:
        """Cases in order, from worker processes."""
        examples = self.dataset.table.iloc[rows].to_dict("records")
        facts_masks = self.dataset.facts.get("masks")
        wanted = (
            WantedCase(
                example={**example, "mask": listed(example["mask"]) if has else None},
                facts_masks=facts_masks if has else None,
                spacing_mm=self.spacing_mm,
                classes=len(self.dataset.classes),
                keep_zeros=self.normalisation.nonzero,
            )
            for example, has in zip(examples, self.labelled[rows].tolist(), strict=True)
        )
        found = pool.stream(read, wanted, workers=self.workers, seconds=SECONDS)
        with closing(found) as stream:
            for row, case in zip(rows.tolist(), stream, strict=True):
                if isinstance(case, pool.Crash):
                    raise ReadError(self.dataset.table["path"].iloc[row], case.reason)
                if isinstance(case, TfmedError):
                    raise case
                yield row, self._records(row, case)

    def _records(self, row: int, case: Resampled) -> list[np.ndarray]:
        """What is written of a case, by `IMAGE`, `MASK` and `FACTS`."""
        steps, good = self.stored.encode(case.pixels[np.newaxis])
        expected = (*self.shapes[row].tolist(), self.channels)
        if case.pixels.shape != expected or not good.all():
            path = self.dataset.table["path"].iloc[row]
            raise ReadError(path, "holds something else than its audit found: it has changed")
        rule = self.normalisation
        own = rule.statistics(case.pixels) if rule.fixed is None else (0.0, 1.0)
        facts = np.zeros(2 + self.structures * (1 + POSITIONS), np.int32)
        facts[:2] = np.array(own, np.float32).view(np.int32)
        for number, voxels in enumerate(case.positions):
            facts[2 + number] = len(voxels)
            begin = 2 + self.structures + number * POSITIONS
            facts[begin : begin + len(voxels)] = voxels
        mask = np.zeros(0, np.uint8)
        if case.mask is not None:
            mask = cut(case.mask[..., np.newaxis], self.chunk)
        return [cut(steps[0], self.chunk), mask, facts]

    def chunks(self, lease: Lease, kind: int) -> Chunks:
        """The images of the finished file, or its masks."""
        channels, stored = (self.channels, self.stored) if kind == IMAGE else (1, LABELS)
        blocks, first = self.content.opened(lease, kind, (*self.chunk, channels), stored)
        return Chunks(blocks, self.shapes, first)

    def facts(self, lease: Lease) -> tuple[np.ndarray, Foreground]:
        """Statistics float32 `[N, 2]` of the finished file, and where its structures are."""
        numbers, first = self.content.opened(lease, FACTS, (), NUMBERS)
        known = 2 + self.structures
        facts: Any = numbers.array()[first[:, np.newaxis] + np.arange(known)]
        statistics = np.ascontiguousarray(facts[:, :2]).view(np.float32)
        if self.normalisation.fixed is not None:
            fixed = np.array(self.normalisation.fixed, np.float32)
            statistics = np.tile(fixed, (len(first), 1))
        return statistics, Foreground(numbers, facts[:, 2:].astype(np.int64), first + known)
