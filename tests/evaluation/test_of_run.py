"""The report of a real run: gathered from its folder, true to it, and discreet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pages import Page
from shared_runs import copy

from tfmed import evaluation, training
from tfmed.evaluation import Answered, Contents, gathered, of_run
from tfmed.run import Run
from tfmed.training import Study, open_study

Gather = Callable[..., Contents]


@pytest.fixture(scope="module")
def run(classifier_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Trained and answered; its plan as the pipelines note it."""
    made = copy(classifier_run, tmp_path_factory.mktemp("copied") / "run")
    planned = training.load(made).plan.model_dump(mode="json", exclude={"reasons"})
    made.write_json("state.json", {"planned": planned, "seconds": {}})
    return made


def answers(study: Study, *parts: str) -> pd.DataFrame:
    """What a run answers for some of its parts."""
    found, _ = study.task.answer_table(
        study.predictor, study.dataset, study.run, rows=study.rows(*parts)
    )
    return found


@pytest.fixture
def gather(run: Run, monkeypatch: pytest.MonkeyPatch) -> Gather:
    """What a report of the run would be made of."""
    held: list[Answered] = []
    monkeypatch.setattr(of_run, "write", held.append)

    def made(export: str = "") -> Contents:
        study = open_study(run)
        predictions = answers(study, "test")
        scores = study.task.score(predictions, resamples=0)
        evaluation.report(run, predictions, scores, export=export)
        return held[-1].contents

    return made


def rows(contents: Contents) -> dict[str, tuple[Any, ...]]:
    return {name: row for name, *row in contents.plan}  # type: ignore[misc]


def test_what_was_set_by_hand_is_marked_and_nothing_else(run: Run, gather: Gather) -> None:
    before = run.path("plan.toml").read_text()
    assert [name for name, row in rows(gather()).items() if row[2]] == []
    try:
        edited = before.replace("mixup = 0.2", "mixup = 0.1").replace("255.0", "200.0")
        run.path("plan.toml").write_text(edited)
        found = rows(gather())
    finally:
        run.path("plan.toml").write_text(before)
    assert [name for name, row in found.items() if row[2]] == ["window", "mixup"]
    assert found["mixup"][0] == 0.1


def test_what_follows_from_a_folds_part_is_not_set_by_hand(run: Run) -> None:
    study = open_study(run)
    (member,) = study.members
    changed = replace(member, plan=member.plan.model_copy(update={"class_weights": (0.5, 1.5)}))
    marked = {}
    for members in ((changed,), (changed, member)):
        told = gathered.of_training(replace(study, members=members), "")
        marked[len(members)] = [name for name, *_, by_hand in told["plan"] if by_hand]
    assert marked == {1: ["class_weights"], 2: []}


def test_every_setting_stands_there_with_its_reason(gather: Gather) -> None:
    found = rows(gather())
    assert "reasons" not in found
    assert all(reason for _, reason, _ in found.values())


@pytest.mark.parametrize(
    ("watch", "column", "values", "best"),
    [
        ("auroc", "val_auroc", [0.5, 0.9, 0.9, 0.8], 3),
        ("loss", "val_loss", [0.5, 0.2, 0.2, 0.8], 3),
        ("auroc", "val_auroc", [0.5, float("nan"), 0.4], 1),
        ("auroc", "val_auroc", [float("nan")] * 2, None),
        ("auroc", "val_loss", [0.5], None),
    ],
)
def test_the_best_epoch_is_the_last_of_the_best_values(
    watch: str, column: str, values: list[float], best: int | None, run: Run, gather: Gather
) -> None:
    plan, history = run.path("plan.toml"), run.path("history.csv")
    texts = plan.read_text(), history.read_text()
    table = pd.DataFrame({"epoch": np.arange(len(values)) + 1, column: values})
    try:
        plan.write_text(texts[0].replace('watch = "auroc"', f'watch = "{watch}"'))
        table.to_csv(history, index=False)
        assert gather().best == best
    finally:
        plan.write_text(texts[0])
        history.write_text(texts[1])


def test_the_operating_point_is_that_of_the_run(run: Run, gather: Gather) -> None:
    assert gather().scores["threshold"] == training.load(run).chosen["threshold"]


def test_no_path_of_this_machine_stands_in_the_report(run: Run, gather: Gather) -> None:
    plan = run.path("plan.toml")
    before = plan.read_text()
    try:
        plan.write_text(before.replace('weights = "none"', 'weights = "/home/zoe/w.keras"'))
        contents = gather(export="/home/zoe/savedmodels/chest/1")
    finally:
        plan.write_text(before)
    assert contents.export_path == "savedmodels/chest/1"
    assert rows(contents)["weights"][0] == "w.keras"
    assert "/home" not in repr(contents)


def test_the_page_holds_no_id_and_no_path(run: Run) -> None:
    study = open_study(run)
    predictions = answers(study, "test")
    scores = study.task.score(predictions, resamples=50)
    text = evaluation.report(run, predictions, scores).read_text(encoding="utf-8")
    table = study.dataset.table
    assert not any(one in text for one in {*table["id"], *table["path"], str(run.folder)})
    assert f"temperature ({study.members[0].chosen['temperature']:.3g})" in Page(text).text


def test_answers_on_other_data_are_told_without_what_was_trained(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[Answered] = []
    monkeypatch.setattr(of_run, "write", held.append)
    study = open_study(run)
    predictions = answers(study, "test")
    scores = study.task.score(predictions, resamples=0)
    other = Run(tmp_path / "answers")
    evaluation.report_answers(
        other, study.dataset.part("test"), study.task, study.predictor, predictions, scores
    )
    (answered,) = held
    assert (answered.study, answered.run, answered.task) == (None, other, study.task)
    assert answered.contents.plan == () and answered.contents.history is None
    assert answered.contents.input_size == (8, 8)
    assert "nothing was trained" in answered.contents.split_made


def test_what_was_answered_and_scored_is_kept_where_the_run_has_none(
    classifier_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_run, "write", lambda answered: None)
    bare = copy(classifier_run, tmp_path / "run")
    predictions = answers(open_study(bare), "test")
    evaluation.report(bare, predictions, {"split": "test"})
    assert bare.read_json("scores.json") == {"split": "test"}
    assert len(bare.read_table("predictions.csv")) == len(predictions)
    evaluation.report(bare, predictions, {"split": "other"})
    assert bare.read_json("scores.json") == {"split": "test"}
