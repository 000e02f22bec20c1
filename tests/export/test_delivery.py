"""A run handed over: what its card says, and what stops it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_runs import copy
from training import tiny

from tfmed import export, training
from tfmed.data.stored import store, stored
from tfmed.errors import ExportError
from tfmed.export import delivery, tflite
from tfmed.export.saved_model import write
from tfmed.run import Run
from tfmed.training.study import fold


@pytest.fixture(scope="module")
def run(classifier_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Trained and answered; three examples without a label stand beside."""
    made = copy(classifier_run, tmp_path_factory.mktemp("copied") / "run")
    whole = stored(made)
    table = whole.table.assign(patient=[f"SECRET{row}" for row in whole.table.index])
    table.loc[table.index[-3:], ["split", "label"]] = ["", None]
    store(made, whole.with_table(table))
    return made


@pytest.fixture(scope="module", autouse=True)
def converted() -> Iterator[list[np.ndarray]]:
    """Leave the conversion out, which `test_tflite` and the pipelines do; what it was given."""
    given: list[np.ndarray] = []

    def convert(predictor: object, folder: Path, images: np.ndarray) -> tflite.Converted:
        given.append(images)
        return tflite.Converted(bytes={}, failed={"float32": "left out"})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tflite, "write", convert)
        yield given


@pytest.fixture(scope="module")
def version(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's export."""
    return export.saved_model(run, tmp_path_factory.mktemp("savedmodels") / "tiny")


def card_of(version: Path) -> dict[str, Any]:
    return json.loads((version / "card.json").read_text(encoding="utf-8"))


def test_the_card_counts_parts_and_leaves_out_what_only_is_predicted(
    run: Run, version: Path
) -> None:
    card = card_of(version)
    assert card["data"]["examples"] == {"train": 24, "val": 12, "test": 9}
    assert card["scores"] == {"threshold": pytest.approx(training.load(run).chosen["threshold"])}
    assert card["temperature"] == [pytest.approx(training.load(run).chosen["temperature"])]
    assert card["tflite"] == {"float32": {"failed": "left out"}}
    assert {row["name"] for row in card["parity"]} >= {"cache", "keras", "serving_default"}
    assert run.read_json("card.json") == card


def test_the_version_that_a_run_has_written_is_known_again(
    run: Run, version: Path, tmp_path: Path
) -> None:
    assert export.written(run, version.parent) == version
    assert export.written(run, tmp_path / "elsewhere") is None
    assert export.written(Run(tmp_path / "new"), version.parent) is None


def test_int8_is_calibrated_on_training_images_in_modality_units(
    run: Run, version: Path, converted: list[np.ndarray]
) -> None:
    train = stored(run).part("train").table
    assert converted[0].shape == (24, tiny.SIDE, tiny.SIDE, 1)
    np.testing.assert_allclose(converted[0].mean(axis=(1, 2, 3)), train["mean"], atol=0.01)


def test_no_patient_and_no_path_leaves_with_an_export(run: Run, version: Path) -> None:
    files = [path for path in version.rglob("*") if path.is_file()]
    files += [run.path("card.json"), run.path("card.md")]
    table = stored(run).table
    secrets = [b"SECRET", str(run.folder).encode(), table["path"].iloc[0].encode()]
    secrets += [b"/home", str(Path(export.__file__).parents[2]).encode()]
    assert len(files) > 5
    assert [path for path in files if any(one in path.read_bytes() for one in secrets)] == []


def test_an_export_that_differs_from_the_run_is_not_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hotter(predictor: Any, folder: Path) -> None:
        """What is written is less sure of itself than the run."""
        write(replace(predictor, chosen=({"temperature": 9.0, "threshold": 0.5},)), folder)

    monkeypatch.setattr(delivery, "write_saved_model", hotter)
    with pytest.raises(ExportError, match=r"serving_default .*serving_bytes .*classify"):
        export.saved_model(run, tmp_path / "tiny")
    assert list((tmp_path / "tiny").iterdir()) == []


@pytest.mark.parametrize("tested", [True, False])
def test_folds_are_scored_by_a_test_part_of_their_own_or_out_of_fold(
    tested: bool, run: Run, tmp_path: Path
) -> None:
    outer = Run(tmp_path / "run")
    whole = stored(run)
    split = whole.table["split"].replace({"val": "train"})
    store(outer, whole.with_table(whole.table.assign(split=split)))
    for number in (1, 2):
        shutil.copytree(run.folder, fold(outer, number).folder)
    pooled = {"split": "out_of_fold", "examples": 36, "metrics": {}}
    own = {"test": {"split": "test", "examples": 9, "metrics": {}}} if tested else {}
    outer.write_json("scores.json", pooled | own)
    card = card_of(export.saved_model(outer, tmp_path / "tiny"))
    assert card["folds"] == 2
    assert card["scores"]["split"] == ("test" if tested else "out_of_fold")
    assert card["scores"]["examples"] == (9 if tested else 36)
    assert ("out of fold" in card["limits"][0]) is not tested
