"""MedMNIST v2: found in the data folder or downloaded once, and checked.

Facts (classes, counts, licences, checksums) are those of MedMNIST's own `info.py`, kept in
`medmnist.json`. Source: J. Yang et al., "MedMNIST v2 - A large-scale lightweight benchmark
for 2D and 3D biomedical image classification", Scientific Data 10, 41 (2023).
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from tfmed.data.dataset import Dataset
from tfmed.data.download import fetch, home, md5
from tfmed.data.sources.npz import open_archive
from tfmed.data.sources.wishes import Wishes
from tfmed.errors import ConfigError, DataError
from tfmed.expected import nearest

URL = "https://zenodo.org/records/10519652/files/{file}?download=1"
CITATION = (
    "Jiancheng Yang, Rui Shi, Donglai Wei, Zequan Liu, Lin Zhao, Bilian Ke, Hanspeter Pfister, "
    "Bingbing Ni. MedMNIST v2 - A large-scale lightweight benchmark for 2D and 3D biomedical "
    "image classification. Scientific Data 10, 41 (2023)."
)
SMALLEST = "28"


@functools.cache
def sets() -> dict[str, dict[str, Any]]:
    """Facts of every MedMNIST set by name: task, classes, examples, licence, md5 by size."""
    text = Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
    known: dict[str, dict[str, Any]] = json.loads(text)
    return known


def open_named(place: str, wishes: Wishes) -> Dataset:
    """The examples of `NAME` or `NAME:SIZE`, in the official parts.

    Raises:
        ConfigError: no such set or size.
        DataError: the download failed, or a file found has another checksum.
    """
    wishes.refuse_table("a MedMNIST set")
    name, _, size = place.partition(":")
    size = size or SMALLEST
    if name not in sets():
        near = nearest(name, sets())
        raise ConfigError(f"unknown MedMNIST set {name!r}{near} (known: {', '.join(sets())})")
    sizes = sets()[name]["md5"]
    if size not in sizes:
        raise ConfigError(f"{name} has no size {size!r}; it has {', '.join(sizes)}")
    path = locate(name, size)
    title = name if size == SMALLEST else f"{name}_{size}"
    facts = {"source": f"medmnist:{place}", "md5": sizes[size], **_facts(name)}
    return open_archive(path, title, sets()[name]["classes"], facts, wishes.truth)


def open_file(place: str, wishes: Wishes) -> Dataset:
    """The examples of an npz in MedMNIST's layout; of a set of theirs, with its class names."""
    wishes.refuse_table("an npz file")
    path = Path(place).resolve()
    classes, facts = _known_file(path)
    return open_archive(path, path.stem, classes, {"source": str(path), **facts}, wishes.truth)


def _known_file(path: Path) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Classes and facts of the set that a file is named after, or nothing."""
    name, _, size = path.stem.partition("_")
    if name not in sets() or (size and not size.isdigit()):
        return (), {}
    return tuple(sets()[name]["classes"]), _facts(name)


def _facts(name: str) -> dict[str, Any]:
    known = sets()[name]
    return {"licence": known["licence"], "citation": CITATION, "task": known["task"]}


def locate(name: str, size: str = SMALLEST) -> Path:
    """The archive of a set, found in the data folder or downloaded now, its checksum right.

    MedMNIST publishes MD5 alone: it finds damage, and does not prove an origin.

    Raises:
        DataError: the download failed, or a file found has another checksum.
    """
    checksum = sets()[name]["md5"][size]
    file = f"{name}.npz" if size == SMALLEST else f"{name}_{size}.npz"
    for path in (home() / file, home() / "medmnist" / file):
        if path.is_file():
            got = md5(path)
            if got != checksum:
                raise DataError(
                    f"{path} has MD5 {got}, the official {file} has {checksum}: remove it to have "
                    f"it downloaded, or give its path as --data if you mean this very file"
                )
            return path
    return fetch(URL.format(file=file), Path("medmnist") / file, checksum)
