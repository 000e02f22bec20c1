"""The answers that a report shows, each with a picture of where the network looked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfmed.evaluation import Answered, Contents
from tfmed.run import Run
from tfmed.tasks.recognition import page
from tfmed.training import Study, open_study


@pytest.fixture(scope="module")
def study(classifier_run: Run) -> Study:
    """The trained run, opened."""
    return open_study(classifier_run)


def test_shown_answers_name_their_row_and_carry_a_picture(study: Study) -> None:
    rows = study.rows("val", "test")
    predictions, _ = study.task.answer_table(study.predictor, study.dataset, study.run, rows=rows)
    shown = list(page.explained(study, predictions, "test", 2))
    assert 2 < len(shown) <= 4
    for answer in shown:
        row = predictions.iloc[answer["row"]]
        assert row["split"] == "test"
        assert (row["truth"], row["prediction"]) == (answer["truth"], answer["prediction"])
        assert answer["right"] == (row["truth"] == row["prediction"])
        assert answer["png"].startswith(b"\x89PNG")


def test_answers_of_an_export_have_no_pictures(study: Study, tmp_path: Path) -> None:
    rows = study.rows("test")
    predictions, _ = study.task.answer_table(study.predictor, study.dataset, study.run, rows=rows)
    scores = study.task.score(predictions, resamples=0)
    contents = Contents("tiny", study.task.classes, scores, predictions)
    asked = Answered(contents, Run(tmp_path), study.dataset, study.task, study.predictor)
    template, named = page.page(asked, study.task.answer)
    assert template.name == "classes.html"
    assert named["right"] == named["wrong"] == [] and named["temperature"] is None
