"""The main job end to end: its files, resumption, refusals, bad input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from tfmed.pipelines import classify

Finished = tuple[Path, list[str]]
RUN_FILES = (
    "config.toml", "plan.toml", "index.parquet", "split.csv", "rejects.csv", "model.keras",
    "history.csv", "predictions.csv", "scores.json", "report.html", "card.json", "card.md",
)  # fmt: skip


def scores_of(run: Path) -> dict[str, object]:
    return json.loads((run / "scores.json").read_text(encoding="utf-8"))


def test_a_run_leaves_every_file_of_the_contract(finished: Finished) -> None:
    out, _ = finished
    assert [name for name in RUN_FILES if not (out / "run" / name).is_file()] == []
    assert not (out / "run" / "backup").exists()
    assert any((out / "run" / "logs").iterdir())


def test_the_score_is_that_of_the_predictions(finished: Finished) -> None:
    out, _ = finished
    table = pd.read_csv(out / "run" / "predictions.csv")
    test = table[table["split"] == "test"]
    truth = test["truth"] == "normal"
    scores = scores_of(out / "run")
    assert scores["split"] == "test"
    assert scores["metrics"]["auroc"]["value"] == pytest.approx(  # type: ignore[index]
        roc_auc_score(truth, test["p_normal"]), abs=1e-9
    )
    assert set(scores["seconds"]) == {"index", "train", "evaluate", "export"}  # type: ignore[call-overload]


def test_no_patient_is_in_two_parts(finished: Finished) -> None:
    out, _ = finished
    split = pd.read_csv(out / "run" / "split.csv")
    assert split.groupby("patient")["split"].nunique().max() == 1
    assert set(split["split"]) == {"train", "val", "test"}
    assert split["patient"].nunique() == 24


def test_no_patient_identifier_leaves_the_run(finished: Finished) -> None:
    out, _ = finished
    shown = [out / "run" / name for name in ("report.html", "card.json", "card.md")]
    shown += [path for path in (out / "models").rglob("*") if path.is_file()]
    assert [path for path in shown if b"SECRET" in path.read_bytes()] == []


def test_a_finished_run_repeats_nothing(
    finished: Finished, capfd: pytest.CaptureFixture[str]
) -> None:
    out, command = finished
    before = (out / "run" / "model.keras").stat().st_mtime_ns
    assert classify.main(command) == 0
    assert (out / "run" / "model.keras").stat().st_mtime_ns == before
    assert [path.name for path in (out / "models" / "run").iterdir()] == ["1"]
    assert "report.html" in capfd.readouterr().err


def test_a_changed_setting_is_refused_with_the_difference(
    finished: Finished, capfd: pytest.CaptureFixture[str]
) -> None:
    _, command = finished
    assert classify.main([*command, "--seed", "7"]) == 2
    said = capfd.readouterr().err
    assert "seed: 0 then, 7 now" in said
    assert "Traceback" not in said


def with_edited_plan(
    finished: Finished, folder: Path, before: str, after: str
) -> tuple[Path, list[str]]:
    """A copy of the finished run with one text in its plan replaced, and its command."""
    out, command = finished
    run = folder / "run"
    shutil.copytree(out / "run", run)
    plan = run / "plan.toml"
    text = plan.read_text(encoding="utf-8")
    assert before in text
    plan.write_text(text.replace(before, after), encoding="utf-8")
    own = ["--run", str(run), "--export", str(folder / "m")]
    return run, [*command[: command.index("--run")], *own]


def test_an_edited_plan_trains_again(finished: Finished, tmp_path: Path) -> None:
    run, again = with_edited_plan(finished, tmp_path, "epochs = 8", "epochs = 1")
    assert classify.main(again) == 0
    assert len(pd.read_csv(run / "history.csv")) == 1
    assert "set by hand" in (run / "report.html").read_text(encoding="utf-8")


def test_an_edited_plan_that_cannot_be_built_removes_nothing(
    finished: Finished, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    small = "    8,\n    8,"
    run, again = with_edited_plan(finished, tmp_path, "    20,\n    20,", small)
    assert classify.main(again) == 2
    assert "convnet" in capfd.readouterr().err
    assert (run / "model.keras").is_file()


@pytest.mark.slow
def test_another_name_exports_again_without_training(finished: Finished, tmp_path: Path) -> None:
    out, command = finished
    run = tmp_path / "run"
    shutil.copytree(out / "run", run)
    trained = (run / "model.keras").read_bytes()
    again = [*command[: command.index("--run")], "--run", str(run), "--export", str(tmp_path / "m")]
    assert classify.main([*again, "--name", "chest"]) == 0
    assert (tmp_path / "m" / "chest" / "1" / "saved_model.pb").is_file()
    assert (run / "model.keras").read_bytes() == trained


def test_a_kill_after_the_export_makes_no_second_version(
    finished: Finished, tmp_path: Path
) -> None:
    out, command = finished
    shutil.copytree(out / "run", tmp_path / "run")
    shutil.copytree(out / "models", tmp_path / "models")
    (tmp_path / "run" / "report.html").unlink()
    state = tmp_path / "run" / "state.json"
    seconds = json.loads(state.read_text(encoding="utf-8"))["seconds"]
    state.write_text(json.dumps({"seconds": seconds}), encoding="utf-8")
    place = ["--run", str(tmp_path / "run"), "--export", str(tmp_path / "models")]
    assert classify.main([*command[: command.index("--run")], *place]) == 0
    assert [path.name for path in (tmp_path / "models" / "run").iterdir()] == ["1"]
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.slow
def test_folds_answer_every_example_once_and_export_their_mean(scans: Path, tmp_path: Path) -> None:
    command = ["--data", str(scans), "--table", str(scans / "labels.csv"), "--model", "convnet"]
    command += ["--path-column", "file", "--label-column", "finding", "--epochs", "1"]
    command += ["--folds", "2", "--run", str(tmp_path / "run"), "--export", str(tmp_path / "m")]
    assert classify.main(command) == 0
    table = pd.read_csv(tmp_path / "run" / "predictions.csv")
    assert sorted(table["id"]) == sorted(set(table["id"]))
    assert len(table) == 48
    scores = scores_of(tmp_path / "run")
    assert scores["split"] == "out_of_fold"
    assert len(scores["per_fold"]) == 2  # type: ignore[arg-type]
    card = json.loads((tmp_path / "m" / "run" / "1" / "card.json").read_text(encoding="utf-8"))
    assert card["folds"] == 2
    assert "out of fold" in card["limits"][0]
    # All examples were trained on by some fold: a score of the mean on them would flatter.
    assert [facts.get("scores") for facts in card["tflite"].values()] == [None] * 4


def test_bad_files_become_rejects_and_the_rest_goes_on(
    scans: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "scans"
    shutil.copytree(scans, folder)
    for number, content in enumerate((b"", b"<html>no image</html>", b"DICM" * 40)):
        (folder / f"scan {number}-0 ü.dcm").write_bytes(content)
    command = ["--data", str(folder), "--table", str(folder / "labels.csv"), "--model", "convnet"]
    command += ["--path-column", "file", "--label-column", "finding", "--plan-only"]
    command += ["--run", str(tmp_path / "run"), "--export", str(tmp_path / "m")]
    assert classify.main(command) == 1
    assert "--max-rejects" in capfd.readouterr().err
    assert classify.main([*command, "--max-rejects", "0.2"]) == 0
    rejects = pd.read_csv(tmp_path / "run" / "rejects.csv")
    assert len(rejects) == 3
    assert rejects["reason"].notna().all()


def class_folders(folder: Path, counts: dict[str, int]) -> Path:
    from PIL import Image

    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.random.default_rng([len(name), number]).integers(0, 255, (16, 16))
            Image.fromarray(pixels.astype("uint8")).save(folder / name / f"{number}.png")
    return folder


@pytest.mark.parametrize(
    ("counts", "named"),
    [
        ({}, "holds no files; expected images in class folders"),
        ({"normal": 4}, "has one class, 'normal'; a classifier needs two or more"),
        ({"normal": 6, "ill": 1}, "class 'ill' has 1 example"),
    ],
)
def test_data_that_cannot_be_learned_from_is_refused_in_one_line(
    counts: dict[str, int], named: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    class_folders(folder, counts)
    command = ["--data", str(folder), "--run", str(tmp_path / "run")]
    assert classify.main(command) == 1
    *before, last = capfd.readouterr().err.splitlines()
    assert last.startswith("error: ")
    assert named in last
    assert not [line for line in before if "rror" in line or "Traceback" in line]


def test_a_folder_that_cannot_be_written_is_named(
    scans: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert classify.main(["--data", str(scans), "--run", str(tmp_path / "file" / "run")]) == 2
    assert "--run" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (["--model", "convnt"], "'convnet'"),
        (["--weights", "nowhere.keras"], "no file nowhere.keras"),
        (["--export", "FILE/models"], "--export"),
    ],
)
def test_what_would_fail_after_reading_is_refused_before_it(
    wrong: list[str], named: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    wrong = [word.replace("FILE", str(tmp_path / "file")) for word in wrong]
    beside = [] if "--export" in wrong else ["--export", str(tmp_path / "m")]
    assert classify.main([*wrong, *beside, "--run", str(tmp_path / "run")]) == 2
    assert named in capfd.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_mended_setting_begins_a_run_anew_that_had_not_trained(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "data", {"normal": 8, "ill": 8})
    command = ["--data", str(folder), "--run", str(tmp_path / "run"), "--model", "convnet"]
    command += ["--export", str(tmp_path / "m"), "--epochs", "1"]
    assert classify.main([*command, "--size", "8", "8"]) == 2  # too small for this network
    assert (tmp_path / "run" / "split.csv").is_file()
    assert classify.main([*command, "--size", "16", "16", "--plan-only"]) == 0


def test_a_mistyped_source_leaves_no_folder(tmp_path: Path) -> None:
    data = str(tmp_path / "nowhere")
    assert classify.main(["--data", data, "--run", str(tmp_path / "run")]) == 2
    assert not (tmp_path / "run").exists()


def test_a_split_that_was_killed_half_way_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfmed.pipelines import stages
    from tfmed.run import Run

    folder = class_folders(tmp_path / "data", {"normal": 8, "ill": 8})
    settings = classify.Config(data=str(folder))
    run = Run(tmp_path / "run")
    dataset = stages.index(run, settings, "label")
    with monkeypatch.context() as patch:
        patch.setattr(Run, "write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            stages.split(run, settings, dataset)
    made = stages.split(run, settings, stages.index(run, settings, "label"))
    assert made.facts["split"]["how"].startswith("split by patient")


def test_a_loss_that_the_task_does_not_have_is_refused_before_any_scan_is_read(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert classify.main(["--loss", "focol", "--run", str(tmp_path / "run")]) == 2
    assert "expected one of cross_entropy, focal, got 'focol'" in capfd.readouterr().err
    assert not (tmp_path / "run").exists()
