"""The road of masks end to end: its files, scores, resumption, other data, refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow
from training import masked

from tfmed.config import parse
from tfmed.pipelines import evaluate, explain, predict, segment, train
from tfmed.planning import dumps
from tfmed.run import Run
from tfmed.tasks.segmentation.segmenter import Segmenter
from tfmed.training import open_study

Segmented = tuple[Path, list[str]]
UNLABELLED = 2
RUN_FILES = (
    "config.toml", "plan.toml", "index.parquet", "split.csv", "rejects.csv", "model.keras",
    "history.csv", "predictions.csv", "scores.json", "report.html", "card.json", "card.md",
)  # fmt: skip


def command_of(data: Path, out: Path, *more: str) -> list[str]:
    place = ["--run", str(out / "run"), "--export", str(out / "models")]
    return ["--data", str(data), "--classes", "disc=255", *place, *more]


def planned(command: list[str], out: Path, **changes: object) -> None:
    """Have the run planned, and write a plan of seconds in its place."""
    assert segment.main([*command, "--plan-only"]) == 0
    (out / "run" / "plan.toml").write_text(dumps(masked.planned(**changes)), encoding="utf-8")


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`train/` with masks of 0 and 255, of which one does not fit; `test/` of two without."""
    folder = tmp_path_factory.mktemp("discs of Zoë") / "data"
    masked.write(folder / "train")
    masked.write(folder / "test", UNLABELLED, first=masked.EXAMPLES)
    shutil.rmtree(folder / "test" / "masks")
    Pillow.fromarray(np.zeros((5, 5), np.uint8)).save(folder / "train" / "masks" / "03.png")
    return folder


@pytest.fixture(scope="module")
def segmented(discs: Path, tmp_path_factory: pytest.TempPathFactory) -> Segmented:
    """The folder with `run` and `models`, and the command for it."""
    out = tmp_path_factory.mktemp("runs of Zoë")
    command = command_of(discs, out, "--max-rejects", "0.1")
    planned(command, out, epochs=2)
    assert segment.main(command) == 0
    return out, command


def mask(path: Path) -> np.ndarray:
    with Pillow.open(path) as picture:
        return np.asarray(picture)


def test_a_run_leaves_every_file_of_the_contract(segmented: Segmented) -> None:
    out, _ = segmented
    assert [name for name in RUN_FILES if not (out / "run" / name).is_file()] == []
    assert not (out / "run" / "backup").exists()
    assert [path.name for path in (out / "models" / "run").iterdir()] == ["1"]


def test_masks_of_test_and_unlabelled_examples_have_the_sources_values(
    segmented: Segmented,
) -> None:
    out, _ = segmented
    table = pd.read_csv(out / "run" / "predictions.csv", keep_default_na=False)
    assert set(table["split"]) == {"test", ""}
    assert (table["split"] == "").sum() == UNLABELLED
    files = sorted(path.name for path in (out / "run" / "masks").iterdir())
    assert files == sorted(Path(name).name for name in table["prediction"])
    for name in table["prediction"]:
        found = mask(out / "run" / name)
        assert found.shape == (masked.SIDE, masked.SIDE)
        assert set(np.unique(found)) <= {0, 255}


def test_the_score_is_that_of_the_written_masks(segmented: Segmented, discs: Path) -> None:
    out, _ = segmented
    table = pd.read_csv(out / "run" / "predictions.csv", keep_default_na=False)
    values = []
    for row in table[table["split"] == "test"].to_dict("records"):
        truth, found = (
            mask(discs / "train" / "masks" / Path(row["id"]).name),
            mask(out / "run" / row["prediction"]),
        )
        one = 2 * ((truth > 0) & (found > 0)).sum() / ((truth > 0).sum() + (found > 0).sum())
        assert float(row["dice_disc"]) == pytest.approx(one)
        values.append(one)
    scores = json.loads((out / "run" / "scores.json").read_text(encoding="utf-8"))
    assert scores["metrics"]["dice"]["value"] == pytest.approx(np.mean(values))
    assert scores["metrics"]["dice"]["value"] > 0.8
    assert set(scores["seconds"]) == {"index", "train", "evaluate", "export"}


def test_a_mask_of_another_shape_is_a_reject_with_its_reason(segmented: Segmented) -> None:
    out, _ = segmented
    rejects = pd.read_csv(out / "run" / "rejects.csv")
    assert len(rejects) == 1
    assert rejects["path"][0].endswith("03.png") and "shape" in rejects["reason"][0]


def test_a_finished_run_repeats_nothing(
    segmented: Segmented, capfd: pytest.CaptureFixture[str]
) -> None:
    out, command = segmented
    before = (out / "run" / "model.keras").stat().st_mtime_ns
    assert segment.main(command) == 0
    assert (out / "run" / "model.keras").stat().st_mtime_ns == before
    assert "report.html" in capfd.readouterr().err


def test_masks_that_a_killed_command_left_are_not_drawn_again(
    segmented: Segmented, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _ = segmented
    shutil.copytree(out / "run", tmp_path / "run")
    (tmp_path / "run" / "predictions.csv").unlink()
    monkeypatch.setattr(Segmenter, "label_map", lambda *_: pytest.fail("drawn again"))
    train.score(open_study(Run(tmp_path / "run")))
    before, after = (folder / "run" / "predictions.csv" for folder in (out, tmp_path))
    assert before.read_text(encoding="utf-8") == after.read_text(encoding="utf-8")


@pytest.mark.parametrize("model", ["run", "models/run/1"])
def test_a_run_and_its_export_draw_the_runs_masks(
    model: str, segmented: Segmented, discs: Path, tmp_path: Path
) -> None:
    out, _ = segmented
    arguments = ["--model", str(out / model), "--data", str(discs), "--out", str(tmp_path)]
    assert predict.main(arguments) == 0
    table = pd.read_csv(tmp_path / "predictions.csv", keep_default_na=False)
    assert len(table) == masked.EXAMPLES + UNLABELLED
    own = pd.read_csv(out / "run" / "predictions.csv").set_index("id")["prediction"]
    for row in table[table["id"].isin(own.index)].to_dict("records"):
        assert np.array_equal(
            mask(tmp_path / row["prediction"]), mask(out / "run" / own[row["id"]])
        )


def test_explanations_show_each_structure_that_was_found(
    segmented: Segmented, discs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, _ = segmented
    data = ["--data", str(discs / "test"), "--explain", "--out", str(tmp_path)]
    assert predict.main(["--model", str(out / "run"), *data]) == 0
    found = sorted(path.name for path in (tmp_path / "explanations").iterdir())
    assert found == ["24_disc.png", "25_disc.png"]
    assert predict.main(["--model", str(out / "models" / "run"), *data]) == 2
    assert "give the run" in capfd.readouterr().err
    assert explain.main(["--run", str(out / "run"), "--out", str(tmp_path)]) == 2
    assert "predict --explain" in capfd.readouterr().err


def test_images_alone_are_predicted(segmented: Segmented, discs: Path, tmp_path: Path) -> None:
    out, _ = segmented
    shutil.copytree(discs / "train" / "images", tmp_path / "new scans")
    (tmp_path / "new scans" / "00.png").write_bytes(b"no image")
    arguments = ["--model", str(out / "run"), "--data", str(tmp_path / "new scans")]
    assert predict.main([*arguments, "--out", str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out" / "masks").iterdir())) == masked.EXAMPLES - 1
    assert len(pd.read_csv(tmp_path / "out" / "rejects.csv")) == 1


def test_evaluate_scores_masks_of_other_values(segmented: Segmented, tmp_path: Path) -> None:
    out, _ = segmented
    data = masked.write(tmp_path / "data", 8, value=7)
    arguments = ["--model", str(out / "models" / "run"), "--data", str(data)]
    arguments += ["--out", str(tmp_path / "out")]
    assert evaluate.main([*arguments, "--classes", "disc=7"]) == 0
    scores = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert scores["examples"] == 8 and scores["metrics"]["dice"]["value"] > 0.8
    assert set(np.unique(mask(tmp_path / "out" / "masks" / "00.png"))) == {0, 7}
    assert (tmp_path / "out" / "report.html").is_file()


def test_evaluate_without_masks_says_what_is_missing(
    segmented: Segmented, discs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, _ = segmented
    arguments = ["--model", str(out / "run"), "--data", str(discs / "train" / "images")]
    assert evaluate.main([*arguments, "--out", str(tmp_path)]) == 1
    assert "no images with masks" in capfd.readouterr().err


def test_other_classes_than_the_models_are_named(
    segmented: Segmented, discs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, _ = segmented
    arguments = ["--model", str(out / "run"), "--data", str(discs), "--out", str(tmp_path)]
    arguments += ["--max-rejects", "0.1", "--classes", "ring=255"]
    assert evaluate.main(arguments) == 1
    assert "ring" in capfd.readouterr().err


@pytest.mark.parametrize(
    "words", [["--classes", "a=1, b=2"], ["--classes", "a=1", "--classes", "b=2"]]
)
def test_names_of_values_stand_in_one_text_or_in_several(words: list[str]) -> None:
    assert parse(segment.Config, words).classes == ("a=1", "b=2")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (["--model", "unte"], "'unet'"),
        (["--memory-gb", "0"], "memory-gb"),
        (["--fold", "3"], "--folds"),
    ],
)
def test_a_wrong_flag_is_named_before_anything_is_read(
    wrong: list[str], named: str, discs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert segment.main(command_of(discs, tmp_path, *wrong)) == 2
    assert named in capfd.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_folder_without_masks_is_refused(
    discs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert (
        segment.main(["--data", str(discs / "train" / "images"), "--run", str(tmp_path / "run")])
        == 1
    )
    assert "looked for images/ beside labels/" in capfd.readouterr().err
    assert not (tmp_path / "run").exists()
