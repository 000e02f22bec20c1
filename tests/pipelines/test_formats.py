"""Clips and NIfTI volumes by the commands: trained, exported, asked, with other lengths and sizes.

What the export is given is read by Pillow and nibabel, so that the readers are checked as well.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import makers
import makers_nifti
import nibabel
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image, ImageSequence

from tfmed.pipelines import classify, evaluate, index, predict

EACH = 10
SIZE = ["12", "12", "12"]


def write_clips(folder: Path, count: int = EACH, frames: int = 12, seed: int = 0) -> Path:
    """Animated GIFs in class folders, a square that stands still or moves; unequal lengths."""
    for label in ("still", "moving"):
        for number in range(count):
            length = frames + number % 3
            clip = makers.noise((length, 14, 18), [seed, number, len(label)], 40, 90)
            for time, frame in enumerate(clip):
                left = time if label == "moving" else 4
                frame[3:9, left : left + 6] = 230
            path = folder / label / f"clip {number}.gif"
            path.parent.mkdir(parents=True, exist_ok=True)
            first, *others = [Image.fromarray(frame) for frame in clip]
            first.save(path, save_all=True, append_images=others, duration=100)
    return folder


def write_volumes(folder: Path) -> Path:
    """Volumes of unequal shapes, types and orientations with or without a bright block."""
    folder.mkdir(parents=True)
    rows = []
    for number in range(2 * EACH):
        label = ("without", "with")[number % 2]
        shape = (13 + number % 3, 15, 16)
        values = makers.noise(shape, number, 0, 300, ("int16", "float32", "uint8")[number % 3])
        values[values > 200] = 200
        if label == "with":
            values[3:8, 4:9, 4:9] = 255
        turn = makers_nifti.affine_of(*makers_nifti.TURNS[number])
        name = f"volume {number} ü.nii.gz"
        makers_nifti.save(folder / name, values, turn)
        (folder / name.replace(".nii.gz", ".json")).write_text("{}")
        rows.append({"file": name, "finding": label, "subject": f"SECRET{number:02d}"})
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def trained(out: Path, *flags: str) -> Path:
    """A run and its export below `out`, by the command."""
    command = [*flags, "--model", "convnet", "--size", *SIZE, "--epochs", "1"]
    command += ["--run", str(out / "run"), "--export", str(out / "models")]
    assert classify.main(command) == 0
    assert classify.main(command) == 0
    return out / "models" / "run" / "1"


def served(export: Path, images: list[np.ndarray]) -> np.ndarray:
    """Answers of `serving_default` to images `[T, H, W, C]` or `[D, H, W, C]` of any size."""
    module = tf.saved_model.load(str(export))
    ask = module.signatures["serving_default"]
    answers = [ask(image=tf.constant(image[None], tf.float32))["probabilities"] for image in images]
    return np.concatenate(answers)


def probabilities(answers: pd.DataFrame, export: Path) -> np.ndarray:
    classes = json.loads((export / "card.json").read_text(encoding="utf-8"))["classes"]
    return answers[[f"p_{name}" for name in classes]].to_numpy()


def grey_frames(path: Path) -> np.ndarray:
    with Image.open(path) as clip:
        frames = [np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(clip)]
    return np.stack(frames)[..., None]


@pytest.mark.slow
def test_clips_are_learned_and_the_export_answers_for_clips_of_another_length(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    export = trained(tmp_path, "--data", str(write_clips(tmp_path / "clips ü")))
    card = json.loads((export / "card.json").read_text(encoding="utf-8"))
    assert card["input"]["sampled"]
    assert card["input"]["channels"] == 1
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "data:image/png" in page
    assert "IMAGE.png" not in page
    longer = write_clips(tmp_path / "longer", count=2, frames=30, seed=9)
    command = ["--model", str(export), "--data", str(longer), "--out", str(tmp_path / "answers")]
    assert predict.main(command) == 0
    answers = pd.read_csv(tmp_path / "answers" / "predictions.csv")
    given = served(export, [grey_frames(longer / name) for name in answers["id"]])
    np.testing.assert_allclose(probabilities(answers, export), given, atol=1e-4)
    volumes = write_volumes(tmp_path / "volumes")
    assert predict.main([*command[:2], "--data", str(volumes), *command[4:]]) == 1
    assert "answers for clips, volumes holds volumes" in capfd.readouterr().err


@pytest.mark.slow
def test_nifti_volumes_with_a_table_are_learned_and_evaluated(tmp_path: Path) -> None:
    folder = write_volumes(tmp_path / "volumes of Zoë")
    data = ["--data", str(folder), "--table", str(folder / "labels.csv")]
    data += ["--label-column", "finding", "--patient-column", "subject"]
    export = trained(tmp_path, *data)
    rejects = pd.read_csv(tmp_path / "run" / "rejects.csv")
    assert not len(rejects)
    answers = tmp_path / "answers"
    assert evaluate.main([*data, "--model", str(export), "--out", str(answers)]) == 0
    told = pd.read_csv(answers / "predictions.csv")
    given = []
    for name in told["id"]:
        image = nibabel.as_closest_canonical(nibabel.load(folder / Path(name).name))
        given.append(np.asarray(image.dataobj).transpose()[..., None])
    np.testing.assert_allclose(probabilities(told, export), served(export, given), atol=1e-4)
    for page in (answers / "report.html", tmp_path / "run" / "report.html"):
        assert "SECRET" not in page.read_text(encoding="utf-8")


def test_an_index_of_mixed_files_keeps_what_most_are(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = write_clips(tmp_path / "mixed", count=3)
    makers_nifti.save(folder / "still" / "volume.nii", makers_nifti.voxels())
    makers.raster(folder / "moving" / "image.png", makers.noise((9, 9)))
    (folder / "moving" / "README.md").write_text("about")
    (folder / "moving" / "empty.gif").write_bytes(b"")
    command = ["--data", str(folder), "--out", str(tmp_path / "audit")]
    assert index.main(command) == 1
    assert "3 of 9 files cannot be used" in " ".join(capfd.readouterr().err.split())
    rejects = pd.read_csv(tmp_path / "audit" / "rejects.csv").set_index("path")["reason"]
    told = {Path(path).name: reason for path, reason in rejects.items()}
    assert set(told) == {"volume.nii", "image.png", "empty.gif"}
    assert told["volume.nii"] == "is a volume of several slices, most of the data are clips"
    assert index.main([*command, "--max-rejects", "0.5"]) == 0
