"""Drawn phantoms, written as real DICOM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest

from tfmed import data, io
from tfmed.data import auditing
from tfmed.data.parts import assign
from tfmed.data.sources import nodules as nodules_drawn
from tfmed.data.sources import phantom
from tfmed.errors import ConfigError


@pytest.fixture(scope="module")
def nodules() -> data.Dataset:
    return auditing.audit(data.open("synthetic:nodules"))


def test_classes_and_patients(nodules: data.Dataset) -> None:
    table = nodules.table
    assert nodules.classes == ("normal", "nodule")
    assert len(table) == nodules_drawn.PATIENTS * phantom.SLICES
    assert len(nodules.rejects) == 0
    assert table["patient_known"].all()
    assert table["patient"].nunique() == nodules_drawn.PATIENTS
    with_nodule = table[table["label"] == "nodule"]["patient"].nunique()
    assert with_nodule == nodules_drawn.PATIENTS // 2


def test_two_scanners_store_in_different_ways_but_read_in_the_same_units(
    nodules: data.Dataset,
) -> None:
    table = nodules.table
    ways = ["slope", "intercept", "bits", "signed", "photometric", "window_low"]
    for column in ways:
        assert table.groupby("manufacturer")[column].nunique().max() == 1
        assert table[column].nunique() == 2
    assert set(table["units"]) == {"HU"}
    assert not table["inverted"].any()
    # Air around the body and soft tissue in it, whatever the scanner.
    for _, rows in table.groupby("manufacturer"):
        pixels = io.read(rows["path"].iloc[0]).pixels[..., 0]
        assert np.median(pixels[:5]) == pytest.approx(-1000, abs=20)
        assert np.median(pixels[62:66, 62:66]) == pytest.approx(40, abs=25)


def test_the_scanner_tells_nothing_of_the_patient(nodules: data.Dataset) -> None:
    sick = nodules.table.groupby("patient").agg(
        {"manufacturer": "first", "label": lambda labels: (labels == "nodule").any()}
    )
    assert pd.crosstab(sick["manufacturer"], sick["label"]).to_numpy().tolist() == [
        [20, 20],
        [20, 20],
    ]


def test_brightness_alone_tells_nothing(nodules: data.Dataset) -> None:
    from sklearn.metrics import roc_auc_score

    truth = nodules.table["label"] == "nodule"
    for column in ("mean", "std", "maximum", "p995"):
        assert 0.4 < roc_auc_score(truth, nodules.table[column]) < 0.6


def test_the_truth_lies_where_the_table_says(nodules: data.Dataset) -> None:
    folder = Path(nodules.facts["folder"])
    truth = pd.read_csv(folder / "labels.csv")
    for row in truth[truth["label"] == "nodule"].iloc[::17].itertuples():
        header = pydicom.dcmread(folder / row.path)
        corner, spacing = header.ImagePositionPatient, header.PixelSpacing
        column = round((row.nodule_x_mm - corner[0]) / spacing[1])
        line = round((row.nodule_y_mm - corner[1]) / spacing[0])
        assert -150 < io.read(folder / row.path).pixels[line, column, 0] < 200
        assert row.section_radius_mm >= phantom.SMALLEST_SECTION_MM


def test_files_are_valid_ct_images_in_a_series(nodules: data.Dataset) -> None:
    first = nodules.table[nodules.table["patient"] == nodules.table["patient"][0]]
    assert len(set(first["series"])) == 1
    volume = io.read_series(list(first["path"]))
    assert volume.spacing_mm == (phantom.SLICE_STEP_MM, phantom.SPACING_MM, phantom.SPACING_MM)
    header = pydicom.dcmread(first["path"].iloc[0])
    assert header.SOPClassUID.name == "CT Image Storage"


def test_it_is_written_once(nodules: data.Dataset) -> None:
    path = Path(nodules.table["path"][0])
    before = path.stat().st_mtime_ns
    data.open("synthetic:nodules")
    assert path.stat().st_mtime_ns == before


def test_one_seed_draws_the_same_patient_and_another_seed_another() -> None:
    def first_slice(seed: int) -> np.ndarray:
        return phantom.draw(np.random.default_rng(seed), with_nodule=True).slices[0]

    np.testing.assert_array_equal(first_slice(1), first_slice(1))
    assert not np.array_equal(first_slice(1), first_slice(2))


def test_a_section_of_a_ball_is_by_pythagoras() -> None:
    nodule = phantom.Nodule((0.0, 0.0, 10.0), 5.0, 0.0)
    assert [nodule.section_mm(z) for z in (10, 13, 14, 15, 20)] == [5.0, 4.0, 3.0, 0.0, 0.0]


def test_it_splits_by_patient_with_both_classes_in_each_part(nodules: data.Dataset) -> None:
    parts = assign(nodules).facts["split"]["parts"]
    assert sum(part["patients"] for part in parts.values()) == nodules_drawn.PATIENTS
    assert all(min(part["classes"].values()) > 5 for part in parts.values())


def test_an_unknown_set_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="set with a label 'nodule'; did you mean 'nodules'"):
        data.open("synthetic:nodule")
