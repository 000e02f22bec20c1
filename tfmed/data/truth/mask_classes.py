"""What the values of masks mean: classes by their names, from the user, a file, or the values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfmed.data import pool
from tfmed.data.dataset import Dataset
from tfmed.data.mask_files import FULL, ONE_FILE_A_CLASS, counted, reason, strange_values
from tfmed.errors import ConfigError, DataError, ReadError, TfmedError
from tfmed.expected import nearest
from tfmed.io import mask
from tfmed.measure.label_maps import named as by_value

BACKGROUND, FOREGROUND = "background", "foreground"
SMALL_BYTES = 4 << 20  # of all these, up to which no other process is started for them
LOOKED_AT = 12  # masks, evenly spread, whose values tell the classes until an audit has read all


@dataclass(frozen=True)
class Seen:
    """What masks hold.

    Attributes:
        labels: that occur in any of them, 0 among them.
        palette: whether one of them is a palette.
        strange: why they can hardly be labels, or "".
    """

    labels: frozenset[int]
    palette: bool = False
    strange: str = ""


def look(files: Sequence[Sequence[str]]) -> Seen:
    """The values of some label maps; those that cannot be read are left to the audit.

    Raises:
        ReadError: none of them can be read.
    """
    picked = np.unique(np.linspace(0, len(files) - 1, LOOKED_AT).round().astype(int))
    paths = [files[place][0] for place in picked]
    small = sum(_bytes(path) for path in paths) < SMALL_BYTES
    found = pool.run(_values, paths, workers=0 if small else None, what="looking at masks")
    seen = [one for one in found if isinstance(one, Seen)]
    if not seen:
        said = found[0].reason if isinstance(found[0], pool.Crash) else found[0]
        raise ReadError(paths[0], f"none of the masks can be read; this one: {said}")
    return together(seen)


def together(seen: Sequence[Seen]) -> Seen:
    """What several masks hold, without those that are strange, but where all are."""
    good = [one for one in seen if not one.strange] or seen
    labels = frozenset({0}).union(*(one.labels for one in good))
    return Seen(labels, any(one.palette for one in good), good[0].strange)


def _bytes(path: str) -> int:
    return Path(path).stat().st_size if Path(path).is_file() else 0


def _values(path: str) -> Seen | str:
    try:
        found = mask.read(path)
    except TfmedError as error:
        return reason(error)
    held = sorted(counted(found.labels))
    return Seen(frozenset(held), found.palette, strange_values(held, found.palette))


def with_classes(
    dataset: Dataset, seen: Seen, wished: Sequence[str], told: Mapping[int, str] | None = None
) -> Dataset:
    """The data set with `classes` and `facts["masks"]` of label maps.

    Args:
        dataset: with the column `mask`.
        seen: what its masks hold, as far as that is known.
        wished: names from the user, as `liver=1`, or in the order of the values.
        told: names by value from a file beside the masks.

    Raises:
        ConfigError: the wished names do not fit the values.
        DataError: the masks hold no value but 0, or more than classes can be.
    """
    values = sorted(seen.labels - {0})
    kind = "palette" if seen.palette else "binary" if values == [FULL] else "labels"
    names, whose = (dict(told), "dataset.json") if told else ({}, "")
    if wished:
        names, whose = _wished(wished, values), "--classes"
    if not names:
        if not values:
            raise DataError(
                f"the masks of {dataset.name} hold nothing but 0, the background; expected other "
                "values for what is to be found"
            )
        if seen.strange:
            raise DataError(f"the masks of {dataset.name} cannot be used: {seen.strange}")
        plain = {value: str(value) for value in values}
        names = {FULL: FOREGROUND} if kind == "binary" else plain
    background = names.pop(0, BACKGROUND)
    order = sorted(names)
    classes = (background, *(names[value] for value in order))
    if len(set(classes)) < len(classes):
        raise ConfigError(f"two classes have one name: {', '.join(classes)}")
    about = {
        "kind": kind,
        "values": [0, *order],
        "named_by": whose,
        "said": _said(kind, classes, [0, *order], whose),
    }
    return replace(dataset, classes=classes).with_facts(masks=about)


def with_files(dataset: Dataset, names: Sequence[str], wished: Sequence[str]) -> Dataset:
    """The data set with `classes` and `facts["masks"]` of one file a class.

    Args:
        dataset: its column `mask` in the order of `names`.
        names: of the classes without the background.
        wished: those that the user wants, in this order; none for all.

    Raises:
        ConfigError: a wished class has no files.
    """
    kept = chosen(wished, names, "has no files")
    order = [names.index(name) for name in kept]
    files = [one and tuple(one[place] for place in order) for one in dataset.table["mask"]]
    about = {
        "kind": ONE_FILE_A_CLASS,
        "values": list(range(len(kept) + 1)),
        "named_by": "the files",
        "said": f"one mask file for each of {', '.join(kept)}; where they overlap, the later name "
        "counts",
    }
    table = dataset.table.assign(mask=pd.Series(files, dtype="object"))
    dataset = replace(dataset.with_table(table), classes=(BACKGROUND, *kept))
    return dataset.with_facts(masks=about)


def chosen(wished: Sequence[str], known: Sequence[str], lacks: str) -> tuple[str, ...]:
    """The wished of the known classes, in the wished order; all where none is wished.

    Raises:
        ConfigError: one is not known; `lacks` says of it what it lacks.
    """
    names = [name.strip() for one in wished for name in one.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise ConfigError(
                f"--classes: {name!r} {lacks}{nearest(name, known)} (there are: {', '.join(known)})"
            )
    return tuple(names or known)


def _wished(wished: Sequence[str], values: Sequence[int]) -> dict[int, str]:
    texts = [text.strip() for one in wished for text in one.split(",") if text.strip()]
    if any("=" in text for text in texts):
        return by_value(texts)
    if len(values) > len(texts) or (values and values[-1] > len(texts) != len(values)):
        raise ConfigError(
            f"--classes names {len(texts)} ({', '.join(texts)}), the masks hold the values "
            f"{', '.join(map(str, values))}; write NAME=VALUE, with NAME=0 for the background"
        )
    if len(values) == len(texts):
        return dict(zip(values, texts, strict=True))
    return dict(enumerate(texts, start=1))


def _said(kind: str, classes: Sequence[str], values: Sequence[int], whose: str) -> str:
    what = {"palette": "the indices of a palette", "binary": "0 and 255", "labels": "label values"}
    pairs = ", ".join(f"{value} is {name!r}" for value, name in zip(values, classes, strict=True))
    return f"masks hold {what[kind]}: {pairs}" + (f" (named by {whose})" if whose else "")


def dataset_json(folder: Path) -> dict[str, Any]:
    """The content of nnU-Net's or the Decathlon's `dataset.json`, {} where there is none.

    Raises:
        ReadError: it is no JSON.
    """
    path = folder / "dataset.json"
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReadError(path, f"is no readable JSON ({type(error).__name__})") from error
    return content if isinstance(content, dict) else {}


def told_classes(content: Mapping[str, Any], path: Path) -> dict[int, str]:
    """Names by value: of nnU-Net v2 `{"liver": 1}`, of v1 and the Decathlon `{"1": "liver"}`.

    Raises:
        DataError: a class is a region of several values, or a value is no number.
    """
    found: dict[int, str] = {}
    for key, value in (content.get("labels") or {}).items():
        if isinstance(value, list):
            raise DataError(
                f"{path}: class {key!r} is a region of the values {value}, which is not supported; "
                "write a value of its own for each class"
            )
        number, name = (value, key) if isinstance(value, int) else (key, value)
        if not str(number).isdecimal():
            raise DataError(f"{path}: label {key!r} has the value {value!r}; a number is expected")
        found[int(number)] = str(name)
    if found and sorted(found) == [0]:
        raise DataError(f"{path} names no class but the background")
    return found
