"""Trees of DICOM: what a table's key means in headers, and folders that are patients."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom

from tfmed.data import pool
from tfmed.data.headers import FEW, header_of, read_headers
from tfmed.errors import TfmedError
from tfmed.io import sniff
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
        workers = 0 if len(paths) < FEW else None
        found = pool.run(_instance, list(paths), workers=workers, what="reading UIDs")
        return [None if isinstance(one, pool.Crash) else one for one in found]
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
