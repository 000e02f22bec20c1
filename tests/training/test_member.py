"""One member: trained, kept, loaded and asked."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from training import tiny

from tfmed import feed, training
from tfmed.data.dataset import Dataset
from tfmed.data.stored import stored
from tfmed.errors import ConfigError, DataError
from tfmed.run import Run
from tfmed.tasks import Classification
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
    member = training.load(run)
    task = Classification(valid.classes)
    answers, truth = logits_of(run, valid), task.targets(valid)
    temperature = fit_temperature(answers, truth, False)
    assert member.temperature == pytest.approx(temperature, rel=1e-3)
    chosen = task.choose_threshold(truth, task.probabilities(answers, temperature))
    assert member.threshold == pytest.approx(chosen, abs=1e-4)
    for other in (train, test):
        elsewhere = fit_temperature(logits_of(run, other), task.targets(other), False)
        assert elsewhere != pytest.approx(temperature, rel=1e-2)


def test_predictions_are_the_networks_over_the_temperature(run: Run, parts: Parts) -> None:
    test = parts[2]
    member = training.load(run)
    scaled = logits_of(run, test) / member.temperature
    expected = np.exp(scaled) / np.exp(scaled).sum(axis=1, keepdims=True)
    table = training.predict(run, test)
    assert list(table["id"]) == list(test.table["id"])
    got = table[[f"p_{name}" for name in test.classes]].to_numpy()
    np.testing.assert_allclose(got, expected, atol=2e-4)
    positive = got[:, 1] >= member.threshold
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


def test_caches_that_are_given_are_used(
    run: Run, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, valid, _ = parts
    plan = training.load(run).plan
    caches = feed.build(train, plan.preprocessing), feed.build(valid, plan.preprocessing)
    monkeypatch.setattr(feed, "build", lambda *arguments: pytest.fail("caches are at hand"))
    task = Classification(train.classes)
    other = training.fit(
        tiny.network, task, train, valid, plan=plan, folder=tmp_path, caches=caches
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


def test_the_loss_is_that_of_the_plan(parts: Parts, tmp_path: Path) -> None:
    train, valid, _ = parts
    plan = tiny.planned(train, loss="focal", label_smoothing=0.3, epochs=1)
    task = Classification(train.classes)
    run = training.fit(tiny.network, task, train, valid, plan=plan, folder=tmp_path)
    kept = training.load(run).task
    assert (kept.loss_name, kept.label_smoothing) == ("focal", 0.3)


def test_class_weights_of_labels_reach_the_loss(parts: Parts, tmp_path: Path) -> None:
    train, valid = (replace(part, multi_label=True) for part in parts[:2])
    task = Classification(train.classes, multi_label=True)
    plan = tiny.planned(train, class_weights=(0.5, 1.5), epochs=1)
    run = training.fit(tiny.network, task, train, valid, plan=plan, folder=tmp_path)
    member = training.load(run)
    assert member.task.label_weights == (0.5, 1.5)
    assert isinstance(member.threshold, list)
    assert len(member.threshold) == 2


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


@pytest.mark.parametrize(
    ("thresholds", "mean"),
    [([0.2, 0.6], 0.4), ([[0.2, 0.4], [0.4, 0.8]], [0.3, 0.6]), ([None, None], None)],
)
def test_members_together_call_at_their_mean(thresholds: list, mean: object) -> None:
    got = training.mean_threshold(thresholds)
    assert got == (None if mean is None else pytest.approx(mean))
