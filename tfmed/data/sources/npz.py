"""Archives of arrays in MedMNIST's layout: `train_images`, `train_labels`, `val_images`, ..."""

from __future__ import annotations

import functools
import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfmed.data.truth import label_truth as label_text
from tfmed.data.dataset import JOIN, PARTS, Dataset, index
from tfmed.data.sources.wishes import Wishes
from tfmed.errors import DataError, ReadError
from tfmed.io.guard import reading

IMAGES = "_images"
LABELS = "_labels"
COLOURS = (1, 3)
UNKNOWN = -1


def open_file(place: str, wishes: Wishes) -> Dataset:
    """The examples of an npz; class names come from MedMNIST's facts if the name is theirs."""
    from tfmed.data.sources.medmnist import known_file

    wishes.refuse_table("an npz file")
    path = Path(place).resolve()
    classes, facts = known_file(path)
    return open_archive(path, path.stem, classes, {"source": str(path), **facts})


def open_archive(
    path: Path, name: str, classes: Sequence[str], facts: Mapping[str, Any]
) -> Dataset:
    """List an archive's examples; only its labels are read.

    Args:
        path: the npz.
        name: of the data set.
        classes: names in the order of the label numbers; empty for "0", "1", ...
        facts: what else is known of the data.

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
    names = tuple(classes) or _numbered(given, multi_label)
    counts = {part: shapes[_member(part)][0] for part in parts}
    columns = {
        "id": [f"{part or 'image'}/{i:06d}" for part in parts for i in range(counts[part])],
        "path": [str(path)] * sum(counts.values()),
        "member": [_member(part) for part in parts for _ in range(counts[part])],
        "frame": np.concatenate([np.arange(counts[part]) for part in parts]),
        "split": [part for part in parts for _ in range(counts[part])],
        "label": _texts(labels, counts, names, multi_label),
        "unknown": _unknown(labels, counts, names, multi_label),
    }
    columns["patient"] = columns["id"]
    return Dataset(index(columns), names, name, multi_label, dict(facts))


@functools.lru_cache(maxsize=4)
def _load(path: str, member: str, changed: int) -> np.ndarray:
    with (
        reading(path, f"array {member!r} cannot be read"),
        np.load(path, allow_pickle=False) as archive,
    ):
        array: np.ndarray = archive[member]
    array.setflags(write=False)
    return array


def images(path: str | Path, member: str) -> np.ndarray:
    """All images of one array, as `[N, H, W, C]`, or `[N, D, H, W, C]` for volumes.

    The array is decompressed once and kept while few others are asked for; it is read-only.

    Raises:
        ReadError: the archive or the array cannot be read.
    """
    array = _load(str(path), member, Path(path).stat().st_mtime_ns)
    if array.ndim in (4, 5) and array.shape[-1] in COLOURS:
        return array
    if array.ndim in (3, 4):
        return array[..., np.newaxis]
    raise ReadError(path, f"{member} has shape {array.shape}; expected [N, H, W] or [N, H, W, 3]")


def _member(part: str) -> str:
    return f"{part}{IMAGES}" if part else IMAGES.lstrip("_")


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of each array, from its header alone."""
    shapes = {}
    with reading(path, "is not an npz archive of arrays"), zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as file:
                version = np.lib.format.read_magic(file)  # type: ignore[arg-type]
                read = np.lib.format.read_array_header_1_0
                read = np.lib.format.read_array_header_2_0 if version > (1, 0) else read
                shape, _, dtype = read(file)  # type: ignore[arg-type]
                # A damaged shape may promise more examples than memory holds.
                if file.tell() + math.prod(shape) * dtype.itemsize != entry.file_size:
                    raise ReadError(path, f"{entry.filename} is not as long as its header says")
            shapes[entry.filename.removesuffix(".npy")] = shape
    return shapes


def _labels(path: Path, part: str, shapes: Mapping[str, tuple[int, ...]]) -> np.ndarray | None:
    member = f"{part}{LABELS}" if part else LABELS.lstrip("_")
    if member not in shapes:
        return None
    array = _load(str(path), member, path.stat().st_mtime_ns)
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
    return label_text.class_order(str(int(value)) for value in values if value != UNKNOWN)


def _texts(
    labels: Mapping[str, np.ndarray | None],
    counts: Mapping[str, int],
    names: tuple[str, ...],
    multi_label: bool,
) -> list[str | None]:
    texts: list[str | None] = []
    for part, array in labels.items():
        if array is None:
            texts += [None] * counts[part]
        elif multi_label:
            texts += [
                JOIN.join(np.array(names)[row > 0]) if (row >= 0).any() else None for row in array
            ]
        else:
            texts += _single(array[:, 0], names, part)
    return texts


def _unknown(
    labels: Mapping[str, np.ndarray | None],
    counts: Mapping[str, int],
    names: tuple[str, ...],
    multi_label: bool,
) -> list[str]:
    """Classes marked -1, of data with several labels."""
    texts: list[str] = []
    for part, array in labels.items():
        if array is None or not multi_label or array.min(initial=0) >= 0:
            texts += [""] * counts[part]
        else:
            texts += [JOIN.join(np.array(names)[row < 0]) for row in array]
    return texts


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
