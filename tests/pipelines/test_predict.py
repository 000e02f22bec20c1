"""Answers, scores, pictures and exports of a finished run, by the commands."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import makers
import numpy as np
import pandas as pd
import pytest

from tfmed.pipelines import evaluate, explain, export, predict

Finished = tuple[Path, list[str]]


@pytest.mark.parametrize("model", ["run", "models/run/1", "models/run"])
def test_a_run_and_its_export_give_the_runs_probabilities(
    model: str, finished: Finished, scans: Path, tmp_path: Path
) -> None:
    out, _ = finished
    arguments = ["--model", str(out / model), "--data", str(scans), "--out", str(tmp_path)]
    assert predict.main(arguments) == 0
    answers = pd.read_csv(tmp_path / "predictions.csv").set_index("id")
    of_run = pd.read_csv(out / "run" / "predictions.csv").set_index("id")
    assert answers["truth"].isna().all()
    for name in of_run.index:
        match = [other for other in answers.index if Path(other).name == Path(name).name]
        ours, theirs = answers.loc[match[0]], of_run.loc[name]
        assert abs(ours["p_normal"] - theirs["p_normal"]) < 1e-4
        assert ours["prediction"] == theirs["prediction"]


def test_evaluate_scores_an_export_on_labelled_scans(
    finished: Finished, scans: Path, tmp_path: Path
) -> None:
    out, _ = finished
    arguments = ["--model", str(out / "models/run/1"), "--data", str(scans)]
    arguments += ["--table", str(scans / "labels.csv"), "--path-column", "file"]
    arguments += ["--label-column", "finding", "--out", str(tmp_path)]
    assert evaluate.main(arguments) == 0
    scores = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert scores["examples"] == 48
    assert scores["patients"] == 24
    threshold = json.loads((out / "run" / "scores.json").read_text(encoding="utf-8"))["threshold"]
    assert scores["threshold"] == pytest.approx(threshold)
    assert "SECRET" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_evaluate_without_labels_says_what_is_missing(
    finished: Finished, scans: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, _ = finished
    arguments = ["--model", str(out / "run"), "--data", str(scans), "--out", str(tmp_path)]
    assert evaluate.main(arguments) == 1
    assert "no labels" in capfd.readouterr().err


def test_explain_draws_answers_of_the_scored_part(finished: Finished, tmp_path: Path) -> None:
    out, _ = finished
    assert explain.main(["--run", str(out / "run"), "--out", str(tmp_path), "--count", "3"]) == 0
    table = pd.read_csv(tmp_path / "explanations.csv")
    assert all((tmp_path / name).stat().st_size > 500 for name in table["picture"])
    predictions = pd.read_csv(out / "run" / "predictions.csv")
    told = predictions.iloc[table["row"] - 2]
    assert (told["split"] == "test").all()
    assert np.array_equal(told["truth"], table["truth"])


def test_export_writes_the_next_version(finished: Finished, tmp_path: Path) -> None:
    out, _ = finished
    arguments = ["--run", str(out / "run"), "--export", str(tmp_path), "--name", "model"]
    (tmp_path / "model" / "1").mkdir(parents=True)
    assert export.main(arguments) == 0
    assert (tmp_path / "model" / "2" / "saved_model.pb").is_file()
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["1", "2"]


def test_a_folder_that_is_no_model_is_named(
    tmp_path: Path, scans: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert predict.main(["--model", str(tmp_path), "--data", str(scans)]) == 2
    assert "neither a run nor an export" in capfd.readouterr().err


def test_sub_folders_that_are_no_classes_do_not_stop_a_prediction(
    finished: Finished, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, _ = finished
    for number, name in enumerate(("monday", "monday", "tuesday", "tuesday")):
        pixels = makers.noise((20, 20), number)
        makers.raster(tmp_path / "scans" / name / f"{number}.png", pixels)
    arguments = ["--model", str(out / "run"), "--data", str(tmp_path / "scans")]
    arguments += ["--out", str(tmp_path / "out")]
    assert predict.main(arguments) == 0
    assert "'monday' is no class" in capfd.readouterr().err
    answers = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert len(answers) == 4
    assert answers["truth"].isna().all()
    assert evaluate.main(arguments) == 1
    assert "the model knows" in capfd.readouterr().err


def test_volumes_for_a_model_of_images_are_refused_by_name(
    finished: Finished, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, _ = finished
    for patient in range(2):
        volume = makers.noise((4, 20, 20), patient, 0, 4096, "uint16")
        makers.series(tmp_path / "scans" / str(patient), volume, makers.Slice(str(patient)))
    arguments = ["--model", str(out / "run"), "--data", str(tmp_path / "scans")]
    arguments += ["--unit", "series", "--out", str(tmp_path / "out")]
    assert predict.main(arguments) == 1
    assert "--unit image" in capfd.readouterr().err


def test_a_run_that_has_not_finished_is_told_from_no_run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.toml").write_text("")
    arguments = ["--model", str(tmp_path), "--data", "x", "--out", str(tmp_path / "out")]
    assert predict.main(arguments) == 1
    assert "has not finished" in capfd.readouterr().err


@pytest.mark.parametrize("pipeline", [predict, evaluate])
def test_a_place_that_cannot_be_written_is_refused_before_the_scans_are_read(
    pipeline: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    out = str(tmp_path / "file" / "out")
    assert pipeline.main(["--model", "none", "--data", "none", "--out", out]) == 2
    assert "--out" in capfd.readouterr().err


def test_rejects_are_named_where_the_listing_already_lost_every_file(
    finished: Finished, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, _ = finished
    for copy in range(2):  # two folders that call themselves the same series
        makers.series(tmp_path / "scans" / str(copy), makers.noise((4, 20, 20), copy))
    arguments = ["--model", str(out / "run"), "--data", str(tmp_path / "scans")]
    assert predict.main([*arguments, "--unit", "series", "--out", str(tmp_path / "out")]) == 1
    said = " ".join(capfd.readouterr().err.split())
    assert "none of the 0" not in said
    assert not said.endswith("can be used:")
