"""`tfmed measure`, from the command line to its files."""

from __future__ import annotations

import shutil
from pathlib import Path

import makers_dicom_out as makers_out
import nibabel
import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

from tfmed.data import auditing, stored
from tfmed.data import open as open_data
from tfmed.data.sources import organs
from tfmed.io import dicom_seg_out
from tfmed.io.mask_out import write_nifti
from tfmed.pipelines import measure
from tfmed.run import Run

FILES = {"measure.html", "measures.json", "objects.csv", "structures.csv", "rejects.csv"}


def cells(folder: Path, count: int = 4) -> Path:
    """Masks of 0 and 255 with three squares, the largest of 36 pixels."""
    folder.mkdir(parents=True)
    labels = np.zeros((30, 40), np.uint8)
    labels[2:8, 2:8], labels[12:15, 20:24], labels[25, 35] = 255, 255, 255
    for number in range(count):
        Pillow.fromarray(labels).save(folder / f"SECRET {number}.png")
    return folder


def test_masks_become_tables_outlines_and_a_page(tmp_path: Path) -> None:
    masks, out = cells(tmp_path / "masks"), tmp_path / "out of Zoë"
    command = ["--masks", str(masks), "--classes", "cell=255", "--out", str(out)]
    assert measure.main([*command, "--spacing-mm", "0.5", "0.25"]) == 0
    assert {path.name for path in out.iterdir()} == FILES | {"contours"}
    objects = pd.read_csv(out / "objects.csv")
    assert len(objects) == 12 and set(objects["class"]) == {"cell"}
    assert objects["area_mm2"].tolist()[:3] == pytest.approx([36 / 8, 12 / 8, 1 / 8])
    names = {path.name for path in (out / "contours").iterdir()}
    assert {"SECRET 0.geojson", "SECRET 0.svg", "SECRET 3.geojson"} <= names
    assert "SECRET" not in (out / "measure.html").read_text(encoding="utf-8")


def test_without_masks_drawn_organs_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFMED_DATA", str(tmp_path / "home"))
    monkeypatch.setattr(organs, "PATIENTS", 1)
    monkeypatch.setattr(
        organs, "folder", lambda: organs.write(tmp_path / "drawn", 0, 1) and tmp_path / "drawn"
    )
    monkeypatch.chdir(tmp_path)
    assert measure.main([]) == 0
    (out,) = (tmp_path / "measures").iterdir()
    assert out.name.startswith("organs-")
    found = Run(out).read_json("measures.json")
    assert [row["class"] for row in found["structures"]] == ["liver", "lesion", "vessel"]
    assert [row["objects"] for row in found["structures"]] == [1, 3, 1]


def test_images_add_intensities_and_one_without_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = np.zeros((8, 9, 10), np.uint8)
    labels[2:5, 2:5, 2:5] = 1
    for folder in ("m", "i"):
        (tmp_path / folder).mkdir()
    for name in ("a", "b"):
        nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), tmp_path / "m" / f"{name}.nii.gz")
    image = nibabel.Nifti1Image(labels.astype(np.int16) * 40, np.eye(4))
    nibabel.save(image, tmp_path / "i" / "a_0000.nii.gz")
    command = ["--masks", str(tmp_path / "m"), "--images", str(tmp_path / "i")]
    assert measure.main([*command, "--out", str(tmp_path / "out"), "--no-skeleton"]) == 0
    table = pd.read_csv(tmp_path / "out" / "structures.csv")
    assert table["intensity_mean"].tolist()[0] == 40 and table["intensity_mean"].isna()[1]
    assert table["skeleton_length_mm"].isna().all()
    assert "1 of 2 masks have no image" in capsys.readouterr().err


def test_the_page_is_written_before_bad_masks_stop_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = cells(tmp_path / "masks")
    (masks / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    command = ["--masks", str(masks), "--out", str(tmp_path / "out")]
    assert measure.main(command) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: 1 of 5 masks cannot be measured")
    assert {path.name for path in (tmp_path / "out").iterdir()} >= FILES
    assert len(pd.read_csv(tmp_path / "out" / "rejects.csv")) == 1
    assert measure.main([*command, "--max-rejects", "0.2"]) == 0


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--masks", "nowhere"], "--masks: there is no file or folder nowhere"),
        (["--classes", "liver"], "--classes: expected NAME=VALUE"),
        (["--images", "there"], "--images needs --masks"),
        (["--spacing-mm", "0", "1"], "--spacing-mm: lengths above 0"),
        (["--instances", "--classes", "a=1"], "--instances: each value is an object"),
        (["--run", "here", "--masks", "there"], "--run brings masks, images and classes"),
        (["--run", "nowhere"], "--run: nowhere is no finished run of `tfmed segment`"),
        (["--mask", "x"], "did you mean '--masks'?"),
    ],
)
def test_wrong_settings_are_one_line(
    flags: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert measure.main(flags) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_dicom_segmentations_are_measured_on_their_series_and_reported(tmp_path: Path) -> None:
    highdicom = pytest.importorskip("highdicom")
    for name in ("one", "two"):
        paths = makers_out.ct(tmp_path / "ct" / name)
    (tmp_path / "segs").mkdir()
    drawn, classes = makers_out.labels(), ("background", "liver", "lesion", "kidney")
    dicom_seg_out.write(tmp_path / "segs" / "a.dcm", drawn, paths, classes)
    command = ["--masks", str(tmp_path / "segs"), "--images", str(tmp_path / "ct")]
    assert measure.main([*command, "--out", str(tmp_path / "out")]) == 0
    table = pd.read_csv(tmp_path / "out" / "structures.csv")
    assert table["class"].tolist() == list(classes[1:]) and table["objects"].tolist() == [1, 1, 0]
    voxel_mm3 = 2.5 * 0.75 * 0.5
    sizes = [(drawn == value).sum() for value in (1, 2)]
    assert table["volume_mm3"].tolist()[:2] == pytest.approx([n * voxel_mm3 for n in sizes])
    pixels = np.stack([makers_out.pixels(path) for path in paths])
    assert table["intensity_mean"][0] == pytest.approx(pixels[drawn == 1].mean())
    report = tmp_path / "out" / "measurements.dcm"
    assert makers_out.errors(report) == []
    groups = highdicom.sr.srread(report).content.get_volumetric_roi_measurement_groups()
    assert len(groups) == 2
    for row, group in zip(table.to_dict("records"), groups, strict=False):
        told = {one.name.meaning: one.value for one in group.get_measurements()}
        pairs = {"Volume": "volume_mm3", "Long axis": "longest_diameter_mm"}
        pairs |= {"Short axis": "perpendicular_diameter_mm", "Number of connected parts": "objects"}
        for meaning, column in pairs.items():
            assert told[meaning] == pytest.approx(row[column], rel=1e-12)


def test_segmentations_beside_their_images_need_no_other_folder(tmp_path: Path) -> None:
    paths = makers_out.ct(tmp_path / "ct")
    for name in ("a", "b"):
        dicom_seg_out.write(
            tmp_path / "ct" / f"{name}.dcm", makers_out.labels(), paths, ("background", "x", "y")
        )
    command = ["--masks", str(tmp_path / "ct"), "--out", str(tmp_path / "out"), "--no-skeleton"]
    assert measure.main(command) == 0
    table = pd.read_csv(tmp_path / "out" / "structures.csv")
    assert len(table) == 4 and table["intensity_mean"].isna().all()
    assert not (tmp_path / "out" / "measurements.dcm").exists()
    assert measure.main([*command, "--images", str(tmp_path / "ct")]) == 0
    reports = tmp_path / "out" / "measurements"
    assert {path.name for path in reports.iterdir()} == {"a.dcm", "b.dcm"}


def test_a_run_brings_masks_images_spacing_and_classes(tmp_path: Path) -> None:
    drawn = organs.write(tmp_path / "data", 0, 2, ((4.0, 4.0, 4.0),))
    classes = ("liver=1", "lesion=2", "vessel=3")
    dataset = open_data(tmp_path / "data", truth="mask", classes=classes)
    dataset = auditing.audit(dataset, workers=0)
    run = Run(tmp_path / "run")
    stored.store(run, dataset)
    rows = []
    for example in dataset.table.to_dict("records"):
        name = f"masks/{Path(example['path']).name}"
        labels = np.asarray(nibabel.load(example["mask"][0]).dataobj).T.astype(np.uint8)
        write_nifti(run.path(name), labels, source=Path(example["path"]))
        rows.append({"id": example["id"], "prediction": name})
    command = ["--run", str(run.folder), "--out", str(tmp_path / "out"), "--no-skeleton"]
    assert measure.main(command) == 2  # not at its end yet
    run.write_table("predictions.csv", pd.DataFrame(rows))
    assert measure.main(command) == 0
    table = pd.read_csv(tmp_path / "out" / "structures.csv")
    assert table["class"].tolist() == ["liver", "lesion", "vessel"] * 2
    liver = [one for one in drawn if one.structure == "liver"]
    found = table[table["class"] == "liver"]
    assert found["volume_mm3"].tolist() == pytest.approx(
        [one.volume_mm3 for one in liver], rel=0.03
    )
    assert found["intensity_mean"].tolist() == pytest.approx([110, 110], abs=12)


def test_a_run_of_dicom_series_is_reported(tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    paths, classes = makers_out.ct(tmp_path / "data" / "ct"), ("background", "liver", "lesion")
    seg = tmp_path / "data" / "seg.dcm"
    dicom_seg_out.write(seg, makers_out.labels(), paths, classes)
    dataset = open_data(tmp_path / "data", truth="mask")
    dataset = auditing.audit(dataset, workers=0)
    run = Run(tmp_path / "run")
    stored.store(run, dataset)
    shutil.copy(seg, run.path("masks/ct.dcm"))
    answered = {"id": dataset.table["id"], "prediction": "masks/ct.dcm"}
    run.write_table("predictions.csv", pd.DataFrame(answered))
    out = tmp_path / "out"
    assert measure.main(["--run", str(run.folder), "--out", str(out), "--no-skeleton"]) == 0
    table = pd.read_csv(out / "structures.csv")
    assert table["class"].tolist() == ["liver", "lesion"] and table["intensity_mean"].notna().all()
    assert makers_out.errors(out / "measurements.dcm") == []


def test_help_teaches_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert measure.main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "tfmed measure --masks labels/" in out and "--spacing-mm" in out


def test_real_scans_are_measured(shared_data: Path, tmp_path: Path) -> None:
    place = shared_data / "msd_hippocampus"
    command = ["--masks", str(place / "labels" / "hippocampus_001.nii.gz")]
    command += ["--images", str(place / "images"), "--classes", "anterior=1,posterior=2"]
    assert measure.main([*command, "--out", str(tmp_path / "out")]) == 0
    table = pd.read_csv(tmp_path / "out" / "structures.csv")
    labels = np.asarray(nibabel.load(command[1]).dataobj)
    assert table["volume_mm3"].tolist() == [(labels == value).sum() for value in (1, 2)]
    assert table["intensity_mean"].notna().all()
