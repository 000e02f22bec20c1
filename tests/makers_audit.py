"""Audited data sets without files, for tests of what is told of tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfmed.data.dataset import Dataset, index
from tfmed.data.examined import COLUMNS

KNOWN = {"format": "dicom", "height": 64, "width": 48, "modality": "CT", "units": "HU"}
VALUES = {"p005": -1000.0, "p995": 400.0, "mean": -600.0, "std": 300.0}


def audited(
    labels: Sequence[str | None],
    patients: Sequence[str] | None = None,
    multi_label: bool = False,
    **columns: Any,
) -> Dataset:
    """A data set as an audit leaves it: by default each example of its own known patient.

    Args:
        labels: of each example.
        patients: of each example; None for one each.
        multi_label: an example may have several classes, joined by `|`.
        **columns: further columns, a value or a sequence each.
    """
    count = len(labels)
    names = [f"SECRET-{number:04d}" for number in range(count)]
    listed = index(
        {
            "id": names,
            "path": [f"/clinic/{name}.dcm" for name in names],
            "label": list(labels),
            "patient": list(patients) if patients is not None else names,
            "patient_known": [True] * count,
        }
    )
    noise = np.random.default_rng(1).normal(0, 10, count)
    values = {name: value + noise for name, value in VALUES.items()}
    digests = {"digest": [f"{number:064x}" for number in range(count)]}
    table = listed.assign(**(COLUMNS | KNOWN | values | digests | columns))
    known = {name for label in labels if label for name in label.split("|")}
    return Dataset(table, tuple(sorted(known)), "made", multi_label)
