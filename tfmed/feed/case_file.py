"""The file of a data set's cases: what it holds, where, and how it is filled.

One record a case of each of three kinds, one kind after the other: the chunks of the image, those
of the mask, and the facts (statistics, and voxels of each class). So every case is read once, the
file outlives a kill as the other caches do (`tfmed.feed.records`), and all of it is read in the
graph with no Python.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfmed import log
from tfmed.data import Dataset, pool
from tfmed.data.resampled import POSITIONS, Resampled, WantedCase, read
from tfmed.errors import ReadError, TfmedError
from tfmed.feed.building import digest
from tfmed.feed.chunks import Chunks, count_chunks, cut
from tfmed.feed.encoding import Encoding
from tfmed.feed.foreground import Foreground
from tfmed.feed.lease import Lease
from tfmed.feed.records import Layout, Writer
from tfmed.transforms.normalisation import Normalisation

VERSION = 1
SECONDS = 600.0  # that a case may take
LABELS = Encoding("uint8")


@dataclass(frozen=True, eq=False)
class CaseFile:
    """What the file of a data set's cases holds, and where.

    Attributes:
        dataset: audited.
        spacing_mm: target, as `resample_case` takes it.
        normalisation: by which statistics are taken.
        shapes: int64 `[N, axes]`, of each case at that spacing.
        chunk: size of one.
        stored: how the images' values are stored.
    """

    dataset: Dataset
    spacing_mm: tuple[float, ...] | None
    normalisation: Normalisation
    shapes: np.ndarray
    chunk: tuple[int, ...]
    stored: Encoding

    @property
    def channels(self) -> int:
        """Of every image."""
        return int(self.dataset.table["channels"].iloc[0])

    @property
    def structures(self) -> int:
        """Classes without the background."""
        return max(0, len(self.dataset.classes) - 1)

    @property
    def labelled(self) -> np.ndarray:
        """Bool `[N]`, which cases have a mask."""
        table = self.dataset.table
        there = table["mask"].notna() if "mask" in table else np.zeros(len(table))
        return np.asarray(there, bool)

    @property
    def facts_masks(self) -> dict[str, Any] | None:
        """What is known of all masks."""
        return self.dataset.facts.get("masks")

    def lengths(self) -> tuple[np.ndarray, np.ndarray, int]:
        """Bytes of each case's image and mask, and of any case's facts."""
        voxels = count_chunks(self.shapes, self.chunk) * math.prod(self.chunk)
        one = self.channels * np.dtype(self.stored.dtype).itemsize
        return voxels * one, voxels * self.labelled, 4 * (2 + self.structures * (1 + POSITIONS))

    def layout(self) -> Layout:
        """Images, then masks, then facts."""
        images, masks, facts = self.lengths()
        lengths = np.concatenate([images, masks, np.full(len(images), facts)])
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        about = {"kind": "cases", "chunk": self.chunk, "channels": self.channels}
        return Layout(offsets, {**about, **self.stored._asdict()})

    def key(self) -> str:
        """A name for what the file depends on: every image and mask, spacing, encoding."""
        masks = []
        for files in self.dataset.table.get("mask", ()):
            masks.append([(str(file), *_state(file)) for file in _listed(files)])
        rule = self.normalisation
        # Statistics that are not the case's own are not in the file.
        own = None if rule.fixed else (rule.window, rule.nonzero)
        about = (VERSION, self.spacing_mm, own, self.chunk, tuple(self.stored))
        classes = (self.dataset.classes, self.facts_masks)
        return digest(self.dataset, ("cases", *about, *classes, masks))

    def fill(self, writer: Writer, workers: int | None) -> None:
        """Write the records of the cases of which one is missing."""
        count = len(self.shapes)
        rows = np.unique(writer.missing % count)
        with (
            closing(self._read(rows, workers)) as found,
            log.progress(found, len(rows), "Caching cases", "cases") as bar,
        ):
            for row, case in zip(rows.tolist(), bar, strict=True):
                for kind, record in enumerate(self._records(row, case)):
                    writer.write(kind * count + row, record)

    def _read(self, rows: np.ndarray, workers: int | None) -> Generator[Resampled]:
        """Cases in order, from worker processes."""
        examples = self.dataset.table.iloc[rows].to_dict("records")
        labelled, zeros = self.labelled[rows], self.normalisation.nonzero
        wanted = (
            WantedCase(
                example={**example, "mask": _listed(example["mask"]) if has else None},
                facts_masks=self.facts_masks if has else None,
                spacing_mm=self.spacing_mm,
                classes=len(self.dataset.classes),
                keep_zeros=zeros,
            )
            for example, has in zip(examples, labelled.tolist(), strict=True)
        )
        with closing(pool.stream(read, wanted, workers=workers, seconds=SECONDS)) as stream:
            for example, found in zip(examples, stream, strict=True):
                if isinstance(found, pool.Crash):
                    raise ReadError(example["path"], found.reason)
                if isinstance(found, TfmedError):
                    raise found
                yield found

    def _records(self, row: int, case: Resampled) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What is written of a case: image, mask, facts."""
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
        return cut(steps[0], self.chunk), mask, facts

    def chunks(self, path: Path, lease: Lease, masks: bool = False) -> Chunks:
        """The images of the finished file, or its masks."""
        stored, channels = (LABELS, 1) if masks else (self.stored, self.channels)
        length_bytes = math.prod(self.chunk) * channels * np.dtype(stored.dtype).itemsize
        count, offsets = len(self.shapes), self.layout().offsets
        begin, end = (count, 2 * count) if masks else (0, count)
        first, total = offsets[begin:end] // length_bytes, int(offsets[end]) // length_bytes
        return Chunks(path, self.shapes, first, total, self.chunk, channels, stored, lease)

    def facts(self, path: Path, lease: Lease) -> tuple[np.ndarray, Foreground]:
        """Statistics float32 `[N, 2]` of the finished file, and where its structures are."""
        count, offsets = len(self.shapes), self.layout().offsets
        begins, known = offsets[2 * count : 3 * count], 2 + self.structures
        heads = [np.frombuffer(lease.read(begin, 4 * known), "<i4") for begin in begins.tolist()]
        facts = np.stack(heads)
        statistics = np.ascontiguousarray(facts[:, :2]).view(np.float32)
        if self.normalisation.fixed is not None:
            statistics = np.tile(np.array(self.normalisation.fixed, np.float32), (count, 1))
        counts, total = facts[:, 2:].astype(np.int64), int(offsets[-1]) // 4
        return statistics, Foreground(path, counts, begins // 4 + known, total)


def _listed(files: Any) -> list[Any]:
    """A row's mask files; none where it has no mask."""
    return list(files) if isinstance(files, (list, tuple, np.ndarray)) else []


def _state(path: str) -> tuple[int, int]:
    """Size and time by which a changed file is noticed."""
    try:
        found = Path(path).stat()
    except OSError as error:
        raise ReadError(path, error.strerror or "cannot be read") from error
    return found.st_size, found.st_mtime_ns
