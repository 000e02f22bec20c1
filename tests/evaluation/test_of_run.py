"""The report of a real run: gathered from its folder, true to it, and discreet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from training import tiny

from tfmed import evaluation, training
from tfmed.evaluation import Contents, of_run
from tfmed.run import Run
from tfmed.training.study import answers, open_study

Gather = Callable[..., Contents]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Trained and answered; its plan as the pipelines note it."""
    parts = tiny.parts(tmp_path_factory.mktemp("data"))
    made = tiny.fitted(tmp_path_factory.mktemp("run"), parts)
    training.predict(made, parts[2])
    planned = training.load(made).plan.model_dump(mode="json", exclude={"reasons"})
    made.write_json("state.json", {"planned": planned, "seconds": {}})
    return made


@pytest.fixture
def gather(run: Run, monkeypatch: pytest.MonkeyPatch) -> Gather:
    """What a report of the run would be made of."""
    held: list[Contents] = []
    monkeypatch.setattr(of_run, "write", lambda run, contents: held.append(contents))
    monkeypatch.setattr(of_run, "explained", lambda *arguments: iter(()))

    def gathered(export: str = "") -> Contents:
        study = open_study(run)
        predictions = answers(study, study.rows("test"))
        scores = study.task.score(predictions, resamples=0)
        evaluation.report(run, predictions, scores, export=export)
        return held[-1]

    return gathered


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


def test_shown_answers_name_their_row_and_carry_a_picture(run: Run) -> None:
    study = open_study(run)
    predictions = answers(study, study.rows("val", "test"))
    shown = list(of_run.explained(study, predictions, "test", 2))
    assert 2 < len(shown) <= 4
    for answer in shown:
        row = predictions.iloc[answer["row"]]
        assert row["split"] == "test"
        assert (row["truth"], row["prediction"]) == (answer["truth"], answer["prediction"])
        assert answer["right"] == (row["truth"] == row["prediction"])
        assert answer["png"].startswith(b"\x89PNG")


def test_the_operating_point_is_that_of_the_run(run: Run, gather: Gather) -> None:
    member = training.load(run)
    assert gather().scores["threshold"] == member.threshold
    assert list(gather().temperature) == [member.temperature]  # type: ignore[arg-type]


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
    predictions = answers(study, study.rows("test"))
    scores = study.task.score(predictions, resamples=50)
    text = evaluation.report(run, predictions, scores).read_text(encoding="utf-8")
    table = study.dataset.table
    assert not any(one in text for one in {*table["id"], *table["path"], str(run.folder)})
