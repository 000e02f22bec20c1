"""Archives of arrays in MedMNIST's layout: `train_images`, `train_labels`, `val_images`, ..."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from tfmed.data import archives
from tfmed.data.dataset import JOIN, PARTS, Dataset, index
from tfmed.data.truth.label_truth import class_order
from tfmed.data.truth.number_truth import NumberTruth
from tfmed.errors import DataError, ReadError
from tfmed.io.guard import reading

IMAGES = "_images"
LABELS = "_labels"
UNKNOWN = -1


def open_archive(
    path: Path, name: str, classes: Sequence[str], facts: Mapping[str, Any], truth: str = "label"
) -> Dataset:
    """List an archive's examples; only its labels are read.

    Args:
        path: the npz.
        name: of the data set.
        classes: names in the order of the label numbers; empty for "0", "1", ...
        facts: what else is known of the data.
        truth: what the labels are, a row of `tfmed.data.truth.TRUTHS`.

    Raises:
        ReadError: the file is no npz, or lacks its arrays.
        DataError: labels and images do not fit together.
    """
    shapes = _shapes(path)
    parts = [part for part in (*PARTS, "") if _member(part) in shapes]
    if not parts:
        held = ", ".join(shapes) or "nothing"
        raise ReadError(path, f"holds {held}; expected train{IMAGES}, train{LABELS} and the like")
    labels = {part: _labels(path, part, shapes) for part in parts}
    given = [array for array in labels.values() if array is not None]
    multi_label = any(array.shape[1] > 1 for array in given)
    of_numbers = truth == "number" and not multi_label
    names = () if of_numbers else tuple(classes) or _numbered(given, multi_label)
    counts = {part: shapes[_member(part)][0] for part in parts}

    def texts(part: str) -> Sequence[str | None]:
        array = labels[part]
        if array is None:
            return [None] * counts[part]
        if of_numbers:
            return NumberTruth().of_cells({LABELS: array[:, 0].astype(str).tolist()})[0]
        return _several(array, names) if multi_label else _single(array[:, 0], names, part)

    columns = {
        "id": [f"{part or 'image'}/{i:06d}" for part in parts for i in range(counts[part])],
        "path": [str(path)] * sum(counts.values()),
        "member": [_member(part) for part in parts for _ in range(counts[part])],
        "frame": np.concatenate([np.arange(counts[part]) for part in parts]),
        "split": [part for part in parts for _ in range(counts[part])],
        "label": [text for part in parts for text in texts(part)],
        "unknown": [text for part in parts for text in _unknown(labels[part], counts[part], names)]
        if multi_label
        else [""] * sum(counts.values()),
    }
    columns["patient"] = columns["id"]
    return Dataset(index(columns), names, name, multi_label, dict(facts))


def _member(part: str) -> str:
    return f"{part}{IMAGES}" if part else IMAGES.lstrip("_")


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of each array, from its header alone."""
    shapes = {}
    with reading(path, "is not an npz archive of arrays"), zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as file:
                shape, dtype = header(file)
                # A damaged shape may promise more examples than memory holds.
                if file.tell() + math.prod(shape) * dtype.itemsize != entry.file_size:
                    raise ReadError(path, f"{entry.filename} is not as long as its header says")
            shapes[entry.filename.removesuffix(".npy")] = shape
    return shapes


def header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype of an array in an npz, read from where its member begins."""
    old = np.lib.format.read_magic(file) == (1, 0)  # type: ignore[arg-type]
    read = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)  # type: ignore[arg-type]
    return shape, dtype


def _labels(path: Path, part: str, shapes: Mapping[str, tuple[int, ...]]) -> np.ndarray | None:
    member = f"{part}{LABELS}" if part else LABELS.lstrip("_")
    if member not in shapes:
        return None
    array = archives.load(path, member)
    count = shapes[_member(part)][0]
    if array.ndim == 1:
        array = array[:, np.newaxis]
    if array.ndim != 2 or len(array) != count:
        raise DataError(
            f"{path}: {member} has shape {array.shape} for {count} images; expected "
            f"({count}, 1), or ({count}, K) for several labels"
        )
    return array


def _numbered(given: list[np.ndarray], multi_label: bool) -> tuple[str, ...]:
    if not given:
        return ()
    if multi_label:
        return tuple(str(column) for column in range(given[0].shape[1]))
    values = np.unique(np.concatenate(given))
    return class_order(str(int(value)) for value in values if value != UNKNOWN)


def _several(array: np.ndarray, names: tuple[str, ...]) -> list[str | None]:
    return [JOIN.join(np.array(names)[row > 0]) if (row >= 0).any() else None for row in array]


def _unknown(array: np.ndarray | None, count: int, names: tuple[str, ...]) -> list[str]:
    """Classes marked -1, of data with several labels."""
    if array is None or array.min(initial=0) >= 0:
        return [""] * count
    return [JOIN.join(np.array(names)[row < 0]) for row in array]


def _single(values: np.ndarray, names: tuple[str, ...], part: str) -> list[str | None]:
    by_number = {int(name): name for name in names if name.isdigit()}
    if len(by_number) < len(names):
        by_number = dict(enumerate(names))
    wrong = ~np.isin(values, [*by_number, UNKNOWN])
    if wrong.any():
        raise DataError(
            f"{part}{LABELS} holds {values[wrong][0]}, which is none of the {len(names)} "
            f"classes: {', '.join(names)}"
        )
    return [by_number.get(int(value)) for value in values]
