"""Trees of DICOM: headers read in parallel, files grouped to series and studies."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pydicom

from tfmed.data.dataset import Dataset, index
from tfmed.data.headers import header_of, read_headers
from tfmed.errors import DataError, TfmedError
from tfmed.io import sniff
from tfmed.io.dicom import Header
from tfmed.io.guard import reading

SAMPLE = 8

# A table's key column, without case and punctuation: what of the header it names.
KEYS = {
    "sopinstanceuid": "image",
    "seriesinstanceuid": "series",
    "seriesuid": "series",
    "studyinstanceuid": "study",
    "studyuid": "study",
    "patientid": "patient",
}


def key_values(paths: Sequence[str], level: str) -> list[str | None]:
    """The UID or Patient ID of each file at a level of `KEYS`; None where it is no DICOM."""
    if level == "image":
        return [_instance(path) for path in paths]
    return [None if isinstance(h, str) else getattr(h, level) for h in read_headers(paths)]


def _instance(path: str) -> str | None:
    try:
        with reading(path, "the DICOM header cannot be parsed"):
            data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
            return str(data.SOPInstanceUID)
    except TfmedError:
        return None


def is_patient_tree(folders: Sequence[Sequence[Path]]) -> bool:
    """Whether the top folders of a tree of DICOM are its patients, and so no classes.

    They are if each holds images of one patient, another one in each; a few headers of every
    folder are looked at.
    """
    patients: list[str] = []
    for files in folders:
        some = [files[i] for i in np.unique(np.linspace(0, len(files) - 1, SAMPLE, dtype=int))]
        if not is_dicom(some[0]):
            return False
        headers = [header_of(str(path)) for path in some]
        here = {header.patient for header in headers if not isinstance(header, str)}
        if len(here) != 1 or "" in here:
            return False
        patients += here
    return len(set(patients)) == len(patients) > 0


def is_dicom(path: Path) -> bool:
    """Whether a file's content is DICOM."""
    try:
        return sniff(path) == "dicom"
    except TfmedError:
        return False


def group(dataset: Dataset, unit: str) -> Dataset:
    """The data set with one row a series, its files in order along the series' normal.

    Args:
        dataset: one row a file; files that are no DICOM become rejects.
        unit: `"series"`, or `"study"`: the series with the most files stands for its study.

    Raises:
        DataError: no DICOM is left.
    """
    headers = read_headers(list(dataset.table["path"]))
    readable = [not isinstance(header, str) for header in headers]
    reasons = [
        (path, h)
        for path, h in zip(dataset.table["path"], headers, strict=True)
        if isinstance(h, str)
    ]
    members = defaultdict(list)
    for row, header in zip(dataset.table.to_dict("records"), headers, strict=True):
        if not isinstance(header, str):
            members[header.series or row["id"]].append((row, header))
    if not any(readable):
        raise DataError(
            f"{dataset.name} holds no readable DICOM to group into series; the first file: "
            f"{reasons[0][1] if reasons else 'none'}"
        )
    rows: list[dict[str, Any]] = []
    for files in members.values():
        row, lost = _series(files)
        reasons += lost
        rows += [row] if row else []
    facts = {"unit": "one example is a series"}
    if unit == "study":
        whole = len(rows)
        rows = _largest(rows)
        facts["unit"] = (
            f"one example is a study, shown by the series with the most images "
            f"({whole - len(rows)} smaller series were left out)"
        )
    rows.sort(key=lambda row: str(row["id"]))
    _name_by_folder(rows)
    names = rows[0].keys() if rows else ("id", "path")
    table = index({name: [row[name] for row in rows] for name in names})
    return dataset.with_table(table).with_facts(**facts).with_rejects(reasons)


def _series(
    files: list[tuple[dict[str, Any], Header]],
) -> tuple[dict[str, Any] | None, list[tuple[str, str]]]:
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
            reason = f"the images of its series have different {what}"
            return None, lost + [(row["path"], reason) for row, _ in fitting]
    fitting.sort(key=lambda item: _order(item, fitting))
    first, header = fitting[0]
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
    return row, lost


def _order(item: tuple[dict[str, Any], Header], files: list[tuple[Any, Header]]) -> tuple:
    row, header = item
    if all(other.position_mm is not None for _, other in files):
        return (header.position_mm, header.instance_number or 0, row["id"])
    if all(other.instance_number is not None for _, other in files):
        return (header.instance_number, row["id"])
    return (row["id"],)


def _largest(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    studies: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (-len(row["files"] or ()), str(row["id"]))):
        studies.setdefault(row["study"] or row["id"], row)
    return list(studies.values())


def _name_by_folder(rows: list[dict[str, Any]]) -> None:
    """Call a series after its folder where the folder holds no other one."""
    parents = [str(PurePosixPath(row["id"]).parent) for row in rows]
    times = Counter(parents)
    for row, parent in zip(rows, parents, strict=True):
        if times[parent] == 1 and parent != "." and row["files"]:
            row["patient"] = parent if row["patient"] == row["id"] else row["patient"]
            row["id"] = parent
