"""Which scans a trained model takes, whether their truth is known or not."""

from __future__ import annotations

from pathlib import Path

import makers
import makers_masks
import makers_nifti
import numpy as np
import pytest
from makers_dicom import slices

from tfmed.errors import ConfigError, DataError
from tfmed.export.backends import Backend
from tfmed.inference import InferenceSettings
from tfmed.pipelines.ask import Trained
from tfmed.pipelines.flags import DataSettings
from tfmed.tasks import Classification, Segmentation
from tfmed.tasks.segmentation.segmenter import Segmenter
from tfmed.transforms.normalisation import Normalisation

ABOUT = {"kind": "labels", "values": [0, 1]}


def trained(*patch: int, classes: tuple[str, ...] = ("background", "organ")) -> Trained:
    settings = InferenceSettings(patch, None, Normalisation("zscore"), classes=len(classes))
    none = Backend("none", "normalised", lambda given: pytest.fail("no scan is to be answered"))
    asked = Segmenter(settings, classes, (1,) * len(patch), backend=none, about=ABOUT)
    return Trained(Segmentation(classes), asked)


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """Two series of four slices each."""
    volume = np.arange(4 * 6 * 5, dtype=np.int16).reshape(4, 6, 5)
    for number in range(2):
        about = makers.Slice(series=makers.uid("series", str(number)), spacing_mm=(1.0, 1.0))
        slices(tmp_path / "scans" / str(number), volume + number, about=about)
    return tmp_path / "scans"


def test_a_model_of_volumes_takes_dicom_by_series(series: Path) -> None:
    found = trained(4, 8, 8).to_answer(DataSettings(data=str(series)))
    assert len(found) == 2 and set(found.table["depth"]) == {4}


def test_a_unit_that_was_told_counts(series: Path) -> None:
    with pytest.raises(DataError, match="--unit series makes volumes"):
        trained(4, 8, 8).to_answer(DataSettings(data=str(series), unit="image"))


def test_a_model_of_images_takes_dicom_by_file(series: Path) -> None:
    found = trained(8, 8).to_answer(DataSettings(data=str(series)))
    assert len(found) == 8 and set(found.table["depth"]) == {1}


def test_scans_lacking_a_class_are_scored_where_its_value_is_named(tmp_path: Path) -> None:
    makers_masks.pairs(tmp_path, 3, values=(1,))
    model = trained(8, 8, classes=("background", "organ", "tumour"))
    settings = DataSettings(data=str(tmp_path))
    named = ("organ=1", "tumour=2")
    assert len(model.to_score(settings, named)) == 3
    with pytest.raises(DataError, match="those of a class that no mask shows too"):
        model.to_score(settings, named[:1])


def test_names_of_values_are_refused_where_truth_names_itself(tmp_path: Path) -> None:
    labels = Trained(Classification(("a", "b")), None)
    with pytest.raises(ConfigError, match="--classes"):
        labels.to_score(DataSettings(data=str(tmp_path)), ("organ=1",))


def test_what_is_only_answered_for_has_neither_truth_nor_part(tmp_path: Path) -> None:
    makers_masks.pairs(tmp_path, 3)
    found = trained(8, 8).to_answer(DataSettings(data=str(tmp_path)))
    assert len(found) == 3 and "mask" not in found.table and "masks" not in found.facts
    assert set(found.table["split"]) == {""}


def test_a_folder_without_scans_is_told_without_a_word_of_masks(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    with pytest.raises(DataError, match="scans") as caught:
        trained(8, 8).to_answer(DataSettings(data=str(tmp_path / "scans")))
    assert "mask" not in str(caught.value)


def test_volumes_of_other_formats_need_no_unit(tmp_path: Path) -> None:
    makers_nifti.save(tmp_path / "a.nii.gz", np.arange(120, dtype=np.int16).reshape(4, 6, 5))
    assert len(trained(4, 8, 8).to_answer(DataSettings(data=str(tmp_path)))) == 1
    with pytest.raises(DataError, match="answers for images"):
        trained(8, 8).to_answer(DataSettings(data=str(tmp_path)))
