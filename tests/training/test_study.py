"""A run opened again: its parts, members and answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from training import tiny

from tfmed import training
from tfmed.data.dataset import Dataset
from tfmed.data.stored import store, stored
from tfmed.errors import DataError
from tfmed.run import Run
from tfmed.task import Networks
from tfmed.tasks.recognition.answers.classes import Classes
from tfmed.tasks.recognition.task import Recognition
from tfmed.training.study import Member, Study, fold, folds_of, open_study

Parts = tuple[Dataset, Dataset, Dataset]


@pytest.fixture(scope="module")
def run(fitted: Run, parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy that has answered for the test part."""
    folder = tmp_path_factory.mktemp("study") / "run"
    made = Run(Path(shutil.copytree(fitted.folder, folder)))
    training.predict(made, parts[2])
    return made


@pytest.fixture(scope="module")
def crossed(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two folds, the second with its logits turned round, over a data set of `train` alone."""
    outer = Run(tmp_path_factory.mktemp("crossed"))
    whole = stored(run)
    store(outer, whole.with_table(whole.table.assign(split="train")))
    for number in (1, 2):
        shutil.copytree(run.folder, fold(outer, number).folder)
    inner = fold(outer, 2)
    model = training.load(inner).model
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([kernel[:, ::-1], bias[::-1]])
    training.save_model(model, inner.path("model.keras"))
    inner.write_json("member.json", inner.read_json("member.json") | {"threshold": 0.9})
    fold(outer, 1).write_json("member.json", inner.read_json("member.json") | {"threshold": 0.3})
    return outer


def test_a_study_knows_every_example_and_its_images(run: Run, parts: Parts) -> None:
    study = open_study(run)
    assert len(study.members) == 1
    assert [len(study.rows(part)) for part in ("train", "val", "test")] == [24, 12, 12]
    assert len(study.store) == 36
    for row in (0, 30, 35):
        kept = study.store.take(np.array([row])).images.gather(np.array([0])).numpy()[0]
        one = study.used.table.iloc[row]
        assert kept.mean() == pytest.approx(one["mean"], abs=0.01)


def test_unseen_is_the_test_part_else_validation(run: Run) -> None:
    study = open_study(run)
    assert set(study.at(study.unseen_rows()).table["split"]) == {"test"}
    untested = study.at(study.rows("train", "val"))
    without = training.Study(run, untested, study.members)
    assert set(without.at(without.unseen_rows()).table["split"]) == {"val"}


def answers(study: Study, rows: np.ndarray, *members: Member) -> pd.DataFrame:
    """What some members, or all, answer for some rows."""
    predictor = study.predictor_of(members or study.members)
    return study.task.answer_table(predictor, study.dataset, study.run, rows=rows)[0]


def test_answers_are_those_of_predict(run: Run, parts: Parts) -> None:
    study = open_study(run)
    table = answers(study, study.rows("test"))
    again = training.predict(run, parts[2])
    assert list(table["id"]) == list(again["id"])
    np.testing.assert_allclose(table["p_1"], again["p_1"], atol=1e-6)


def test_no_rows_have_no_answers(run: Run) -> None:
    with pytest.raises(DataError, match="no examples"):
        answers(open_study(run), np.array([], int))


def test_folds_are_counted_from_one_in_order(tmp_path: Path) -> None:
    for number in range(1, 12):
        (tmp_path / f"fold{number}").mkdir()
    assert [inner.folder.name for inner in folds_of(Run(tmp_path))] == [
        f"fold{number}" for number in range(1, 12)
    ]


def test_members_answer_by_the_mean_of_their_probabilities(crossed: Run) -> None:
    study = open_study(crossed)
    rows = np.arange(6)
    both = answers(study, rows)
    # The second member says of class 0 what the first says of class 1.
    np.testing.assert_allclose(both["p_0"], 0.5, atol=1e-5)
    alone = answers(study, rows, study.members[0])
    other = answers(study, rows, study.members[1])
    np.testing.assert_allclose(alone["p_0"], other["p_1"], atol=1e-5)
    assert np.ptp(alone["p_0"]) > 0.01


def test_the_operating_point_of_folds_is_their_mean(crossed: Run) -> None:
    assert open_study(crossed).predictor.threshold == pytest.approx(0.6)


def test_in_a_cross_validation_all_examples_are_unseen_by_one_member(crossed: Run) -> None:
    study = open_study(crossed)
    assert len(study.unseen_rows()) == len(study.dataset) == 48


def test_a_run_that_names_no_networks_has_the_one_of_version_0_1_0(
    run: Run, tmp_path: Path
) -> None:
    old = Run(Path(shutil.copytree(run.folder, tmp_path / "old")))
    about = old.read_json("member.json")
    assert about.pop("networks") == ["model"]
    old.write_json("member.json", about)
    assert list(training.load(old).networks) == ["model"]
    assert "networks" not in training.load(old).chosen


def test_networks_are_kept_in_a_file_each(parts: Parts, tmp_path: Path) -> None:
    class Twins(Recognition):
        def kept(self, networks: Networks) -> Networks:
            return {**networks, "twin": tiny.network()}

    train, valid, _ = parts
    task, plan = Twins(Classes(train.classes)), tiny.planned(train, epochs=1)
    made = training.fit(tiny.network, task, train, valid, plan=plan, folder=tmp_path)
    found = training.load(made).networks
    assert list(found) == ["model", "twin"]
    for one, other in zip(found["twin"].get_weights(), tiny.network().get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_unfinished_fold_is_not_opened(crossed: Run, tmp_path: Path) -> None:
    copy = Run(tmp_path / "copy")
    shutil.copytree(crossed.folder, copy.folder)
    fold(copy, 2).path("member.json").unlink()
    with pytest.raises(DataError, match=r"fold2 has no member\.json"):
        open_study(copy)
