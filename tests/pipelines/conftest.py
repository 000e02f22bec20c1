"""A tiny DICOM data set and a finished run on it, shared by the tests of all pipelines."""

from __future__ import annotations

import csv
from pathlib import Path

import makers
import numpy as np
import pytest

from tfmed.pipelines import classify

PATIENTS, SLICES, SIDE = 24, 2, 20


def write_scans(folder: Path) -> Path:
    """CT slices in HU of patients with and without a bright square, and a table of labels."""
    rows = []
    for patient in range(PATIENTS):
        for number in range(SLICES):
            random = np.random.default_rng([patient, number])
            pixels = random.normal(1024, 60, (SIDE, SIDE))
            label = ("normal", "lesion")[patient % 2]
            if label == "lesion":
                row, column = random.integers(3, SIDE - 9, 2)
                pixels[row : row + 6, column : column + 6] += 400
            about = makers.Slice(
                patient=f"SECRET{patient:03d}", intercept=-1024.0, bits=12, number=number
            )
            name = f"scan {patient}-{number} ü.dcm"
            makers.dicom(folder / name, np.clip(pixels, 0, 4095).astype("uint16"), about)
            rows.append({"file": name, "finding": label})
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["file", "finding"])
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of slices, its path with a space and a non-ASCII letter."""
    return write_scans(tmp_path_factory.mktemp("scans of Zoë"))


@pytest.fixture(scope="session")
def finished(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder `runs and exports of Zoë` with `run` and `models`, and the command for it."""
    out = tmp_path_factory.mktemp("runs and exports of Zoë")
    command = ["--data", str(scans), "--table", str(scans / "labels.csv")]
    command += ["--path-column", "file", "--label-column", "finding", "--model", "convnet"]
    command += ["--epochs", "8", "--run", str(out / "run"), "--export", str(out / "models")]
    assert classify.main(command) == 0
    return out, command
