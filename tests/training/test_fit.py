"""`fit`: trained once, by its plan, and kept; then loaded and asked."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from training import tiny

from tfmed import feed, losses, training
from tfmed.data.dataset import Dataset
from tfmed.data.stored import stored
from tfmed.errors import ConfigError, DataError
from tfmed.run import Run
from tfmed.tasks import Classification
from tfmed.tasks.recognition.answers import classes
from tfmed.tasks.recognition.answers.calibration import fit_temperature
from tfmed.transforms.normalisation import normalise

Parts = tuple[Dataset, Dataset, Dataset]


@pytest.fixture(scope="module")
def run(fitted: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy that these tests may change."""
    folder = tmp_path_factory.mktemp("member") / "run"
    return Run(Path(shutil.copytree(fitted.folder, folder)))


def logits_of(run: Run, dataset: Dataset) -> np.ndarray:
    """What the kept network says, from the files on, without the code under test."""
    model = keras.models.load_model(run.path("model.keras"), compile=False)
    preprocessing = training.load(run).plan.preprocessing
    images = np.stack(list(feed.read(dataset, preprocessing)))
    return np.asarray(model(normalise(images, preprocessing.normalisation), training=False), float)


def test_a_fit_leaves_its_files_and_no_backup(run: Run) -> None:
    names = ("model.keras", "member.json", "plan.toml", "history.csv", "index.parquet")
    assert [name for name in names if not run.has(name)] == []
    assert not run.has("backup")


def test_temperature_and_threshold_are_chosen_on_validation(run: Run, parts: Parts) -> None:
    train, valid, test = parts
    chosen = training.load(run).chosen
    answer = Classification(valid.classes).answer
    logits, truth = logits_of(run, valid), answer.targets(valid)
    temperature = fit_temperature(logits, truth, False)
    assert chosen["temperature"] == pytest.approx(temperature, rel=1e-3)
    threshold = answer.choose_threshold(truth, answer.probabilities(logits, temperature))
    assert chosen["threshold"] == pytest.approx(threshold, abs=1e-4)
    for other in (train, test):
        elsewhere = fit_temperature(logits_of(run, other), answer.targets(other), False)
        assert elsewhere != pytest.approx(temperature, rel=1e-2)


def test_predictions_are_the_networks_over_the_temperature(run: Run, parts: Parts) -> None:
    test = parts[2]
    chosen = training.load(run).chosen
    scaled = logits_of(run, test) / chosen["temperature"]
    expected = np.exp(scaled) / np.exp(scaled).sum(axis=1, keepdims=True)
    table = training.predict(run, test)
    assert list(table["id"]) == list(test.table["id"])
    got = table[[f"p_{name}" for name in test.classes]].to_numpy()
    np.testing.assert_allclose(got, expected, atol=2e-4)
    positive = got[:, 1] >= chosen["threshold"]
    assert (table["prediction"] == np.where(positive, *test.classes[::-1])).all()


def test_the_test_part_joins_the_index_and_scans_from_elsewhere_do_not(
    run: Run, parts: Parts, tmp_path: Path
) -> None:
    training.predict(run, parts[2])
    before = stored(run).table
    assert set(before["split"]) == {"train", "val", "test"}
    foreign = parts[2].with_table(
        parts[2].table.assign(split="", id=[f"new {n}" for n in range(len(parts[2]))])
    )
    assert len(training.predict(run, foreign)) == len(foreign)
    pd.testing.assert_frame_equal(stored(run).table, before)


def test_a_second_fit_returns_at_once(
    run: Run, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*arguments: object) -> None:
        raise AssertionError("nothing is to be read again")

    monkeypatch.setattr(feed, "build", build)
    before = run.path("model.keras").stat().st_mtime_ns
    assert tiny.fitted(run.folder, parts) == run
    assert run.path("model.keras").stat().st_mtime_ns == before


def test_a_fit_by_another_plan_is_refused_with_the_difference(run: Run, parts: Parts) -> None:
    with pytest.raises(ConfigError, match=r"epochs: 3 then, 5 now.*another folder"):
        tiny.fitted(run.folder, parts, epochs=5)


def test_stores_that_are_given_are_used(
    run: Run, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, valid, _ = parts
    plan, task = training.load(run).plan, Classification(train.classes)
    stores = task.store(train, plan), task.store(valid, plan)
    monkeypatch.setattr(feed, "build", lambda *arguments: pytest.fail("stores are at hand"))
    other = training.fit(
        tiny.network, task, train, valid, plan=plan, folder=tmp_path, stores=stores
    )
    mine, theirs = training.load(other).model, training.load(run).model
    for one, two in zip(mine.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)


def test_epochs_stand_in_for_those_of_the_plan(parts: Parts, tmp_path: Path) -> None:
    train, valid, _ = parts
    task, plan = Classification(train.classes), tiny.planned(train)
    run = training.fit(tiny.network, task, train, valid, plan=plan, epochs=1, folder=tmp_path)
    assert len(pd.read_csv(run.path("history.csv"))) == 1
    member = training.load(run)
    assert (member.plan.epochs, member.plan.reasons["epochs"]) == (1, "set by the user")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What the focal loss was told beside targets and logits, each time that it was traced."""
    found: list[tuple[object, ...]] = []

    def focal(targets: tf.Tensor, logits: tf.Tensor, *about: object) -> tf.Tensor:
        found.append(about)
        return losses.focal(targets, logits, *about)

    monkeypatch.setitem(classes.LOSSES, "focal", focal)
    return found


def test_the_loss_is_that_of_the_plan(
    parts: Parts, tmp_path: Path, told: list[tuple[object, ...]]
) -> None:
    train, valid, _ = parts
    plan = tiny.planned(train, loss="focal", label_smoothing=0.3, epochs=1)
    training.fit(
        tiny.network, Classification(train.classes), train, valid, plan=plan, folder=tmp_path
    )
    assert set(told) == {(False, 0.3, None)}


def test_class_weights_of_labels_reach_the_loss(
    parts: Parts, tmp_path: Path, told: list[tuple[object, ...]]
) -> None:
    train, valid = (replace(part, multi_label=True) for part in parts[:2])
    task = Classification(train.classes, multi_label=True)
    plan = tiny.planned(train, class_weights=(0.5, 1.5), loss="focal", epochs=1)
    run = training.fit(tiny.network, task, train, valid, plan=plan, folder=tmp_path)
    assert set(told) == {(True, 0.05, (0.5, 1.5))}
    assert len(training.load(run).chosen["threshold"]) == 2


def test_an_empty_part_is_named(parts: Parts, tmp_path: Path) -> None:
    train = parts[0]
    with pytest.raises(DataError, match="24 training and 0 validation"):
        tiny.fitted(tmp_path, (train, train.part("val")))
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_not_trained_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no member\.json"):
        training.load(Run(tmp_path))


def test_plan_and_member_hold_no_patient_and_no_path(run: Run, parts: Parts) -> None:
    text = json.dumps(run.read_json("member.json")) + run.path("plan.toml").read_text()
    table = parts[0].table
    assert not any(patient in text for patient in table["patient"])
    assert table["path"].iloc[0] not in text
