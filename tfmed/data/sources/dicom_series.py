"""Files of DICOM grouped to series and studies, in the order in which they lie in the patient."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from tfmed import log
from tfmed.data.dataset import Dataset, index
from tfmed.data.headers import read_headers
from tfmed.errors import DataError
from tfmed.io import dicom_stack
from tfmed.io.dicom import Header
from tfmed.io.dicom_geometry import Plane

UNEVEN = "its series of {} files is no even volume: "

File = tuple[dict[str, Any], Header]


@dataclass
class Series:
    """The files of a series that belong together, in order.

    Attributes:
        row: the data set's row, or None where the files contradict each other.
        paths: of all its files.
        lost: path and reason of files that do not fit.
        fault: what keeps the slices from being an even volume, in words, or "".
    """

    row: dict[str, Any] | None
    paths: tuple[str, ...] = ()
    lost: list[tuple[str, str]] = field(default_factory=list)
    fault: str = ""


def group(dataset: Dataset, unit: str, on_geometry: str = "reject") -> Dataset:
    """The data set with one row a series, its files in order along the series' normal.

    Args:
        dataset: one row a file; files that are no DICOM become rejects.
        unit: `"series"`, or `"study"`: the series with the most files stands for its study,
            among those that are even volumes if there are any.
        on_geometry: `"reject"` or `"warn"`, see `tfmed.data.open`.

    Raises:
        DataError: no DICOM is left.
    """
    headers = read_headers(list(dataset.table["path"]))
    rejects: list[tuple[str, str]] = []
    members: defaultdict[str, list[File]] = defaultdict(list)
    for row, header in zip(dataset.table.to_dict("records"), headers, strict=True):
        if isinstance(header, str):
            rejects.append((row["path"], header))
        else:
            members[header.series or row["id"]].append((row, header))
    if not members:
        raise DataError(
            f"{dataset.name} holds no readable DICOM to group into series; the first file: "
            f"{rejects[0][1] if rejects else 'none'}"
        )
    found = [_series(files) for files in members.values()]
    rejects += [lost for series in found for lost in series.lost]
    kept = [series for series in found if series.row]
    facts = {"unit": "one example is a series"}
    if unit == "study":
        whole = len(kept)
        kept = _largest(kept)
        facts["unit"] = (
            f"one example is a study, shown by the series with the most images "
            f"({whole - len(kept)} smaller series were left out)"
        )
    uneven = [series for series in kept if series.fault]
    if uneven and on_geometry == "reject":
        kept = [series for series in kept if not series.fault]
        rejects += [
            (series.paths[0], UNEVEN.format(len(series.paths)) + series.fault) for series in uneven
        ]
    elif uneven:
        facts["geometry"] = _warn(uneven, len(kept))
    rows = sorted((series.row for series in kept if series.row), key=lambda row: str(row["id"]))
    _name_by_folder(rows)
    names = rows[0].keys() if rows else ("id", "path")
    table = index({name: [row[name] for row in rows] for name in names})
    return dataset.with_table(table).with_facts(**facts).with_rejects(rejects)


def _warn(uneven: list[Series], count: int) -> str:
    words = f"{len(uneven)} of {count} series are no even volumes; one of them: {uneven[0].fault}"
    log.warning(f"{words}. They are kept in the best order there is")
    return words


def _series(files: list[File]) -> Series:
    """One row of a series' files, and the files that do not fit it, with reasons."""
    size = Counter((h.rows, h.columns, h.channels) for _, h in files).most_common(1)[0][0]
    fitting = [(row, h) for row, h in files if (h.rows, h.columns, h.channels) == size]
    lost = [
        (row["path"], "its size is not that of its series")
        for row, h in files
        if (h.rows, h.columns, h.channels) != size
    ]
    for column, what in (("label", "labels"), ("unknown", "labels"), ("split", "parts")):
        if len({row[column] for row, _ in fitting}) > 1:
            reason = f"the {len(fitting)} images of its series have different {what}"
            return Series(None, lost=[*lost, (fitting[0][0]["path"], reason)])
    fitting = _ordered(fitting)
    planes = [_plane(header) for _, header in fitting]
    first, header = fitting[0]
    fault = dicom_stack.fault(planes, [h.spacing_mm for _, h in fitting]) or header.fault
    paths = tuple(row["path"] for row, _ in fitting)
    known = first["patient_known"] or bool(header.patient)
    row = {
        **first,
        "path": paths[0],
        "files": paths if len(paths) > 1 else None,
        "id": min(row["id"] for row, _ in fitting),
        "study": header.study,
        "series": header.series,
        "patient": first["patient"] if first["patient_known"] else header.patient,
        "patient_known": known,
    }
    row["patient"] = row["patient"] if known else row["id"]
    return Series(row, paths, lost, fault)


def _plane(header: Header) -> Plane | None:
    if header.position is None or header.orientation is None:
        return None
    return Plane(header.position, header.orientation)


def _ordered(files: list[File]) -> list[File]:
    """Along the normal; by instance number where a place is missing, else by name."""
    places: list[float] | list[int] | None = dicom_stack.order([_plane(h) for _, h in files])
    numbers = [h.instance_number for _, h in files]
    if places is None:
        places = [number or 0 for number in numbers] if None not in numbers else [0] * len(files)
    keys = [
        (place, number or 0, row["id"])
        for place, number, (row, _) in zip(places, numbers, files, strict=True)
    ]
    return [files[index] for index in sorted(range(len(files)), key=lambda index: keys[index])]


def _largest(found: list[Series]) -> list[Series]:
    """One series a study: an even volume rather than another, then the one of most files."""
    studies: dict[str, Series] = {}
    for series in sorted(found, key=lambda one: (bool(one.fault), -len(one.paths), one.paths)):
        assert series.row is not None
        studies.setdefault(series.row["study"] or series.row["id"], series)
    return list(studies.values())


def _name_by_folder(rows: list[dict[str, Any]]) -> None:
    """Call a series after its folder where the folder holds no other one."""
    parents = [str(PurePosixPath(row["id"]).parent) for row in rows]
    times = Counter(parents)
    for row, parent in zip(rows, parents, strict=True):
        if times[parent] == 1 and parent != "." and row["files"]:
            row["patient"] = parent if row["patient"] == row["id"] else row["patient"]
            row["id"] = parent
