"""The report of a segmentation: true to its run, whole, offline and without identifiers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pytest
from pages import Page
from tasks.segmentation import segmented
from training import masked

from tfmed import data, evaluation
from tfmed.data.dataset import Dataset
from tfmed.evaluation import Answered, Contents, render
from tfmed.run import Run
from tfmed.tasks import Segmentation
from tfmed.training import open_study

Made = tuple[Run, pd.DataFrame, dict[str, Any]]
PLAN_3D = {
    "classes": ("background", "1", "2"),
    "patch_size": (8, 8, 8),
    "strides": ((1, 1, 1), (2, 2, 2)),
    "kernels": ((3, 3, 3), (3, 3, 3)),
    "mirror_axes": (0, 1, 2),
    "spacing_mm": (3.0, 1.0, 1.0),
    "reasons": {"patch_size": "half of the median"},
}


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Made:
    parts = masked.parts(tmp_path_factory.mktemp("data") / "discs")
    return segmented.run_of(Run(tmp_path_factory.mktemp("run")), parts, masked.planned())


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("deep")
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for number in range(24):
        random = np.random.default_rng(number)
        labels = np.zeros((20, 18, 8), np.uint8)
        labels[4:12, 5:13, 2:6] = 1
        labels[13 : 15 + number % 3, 5:10, 3:6] = 2
        image = (random.normal(0, 5, labels.shape) + 40 * labels).astype(np.int16)
        # Left and to the back, as scanners' files often are.
        affine = np.diag([-1.0, -1.0, 3.0, 1.0])
        for name, values in (("images", image), ("labels", labels)):
            path = folder / name / f"SECRET_{number:02}.nii.gz"
            nibabel.save(nibabel.Nifti1Image(values, affine), path)
    parts = data.split(data.open(folder, truth="mask"))
    run = Run(tmp_path_factory.mktemp("run3d"))
    made = segmented.run_of(run, parts, masked.planned(**PLAN_3D))
    row = {"name": "masks", "max_difference": 2e-5, "tolerance": 1e-4, "passed": True, "note": ""}
    run.write_json("card.json", {"parity": [row], "tflite": {}})
    return made


@pytest.fixture(scope="module", params=["flat", "deep"])
def made(request: pytest.FixtureRequest) -> Made:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def html(made: Made) -> str:
    run, predictions, scores = made
    path = evaluation.report(run, predictions, scores, export="savedmodels/organs/1")
    return path.read_text(encoding="utf-8")


def test_the_page_parses_and_its_navigation_leads_somewhere(html: str) -> None:
    page = Page(html)
    assert page.open == []
    anchors = {link[1:] for link in page.links if link.startswith("#") and len(link) < 20}
    assert {"summary", "data", "plan", "scores", "cases", "volumes", "limits"} <= anchors
    assert anchors <= set(page.ids)


def test_nothing_comes_from_outside_and_links_lead_to_masks_beside_it(
    html: str, made: Made
) -> None:
    run = made[0]
    links = [link for link in Page(html).links if not link.startswith(("#", "data:image/"))]
    assert 3 <= len(links) <= 10
    for link in links:
        assert re.fullmatch(r"cases/row_\d+\.(png|nii\.gz)", link)
        row = int(re.findall(r"\d+", link)[0])
        mask = made[1]["prediction"].iloc[row - 2]
        assert (run.folder / link).read_bytes() == (run.folder / mask).read_bytes()
    assert "<script" not in html
    assert "http" not in html.replace("localhost", "").replace("--rest_api_port", "")


def test_no_identifier_is_printed(html: str, made: Made) -> None:
    text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", html)
    assert "SECRET" not in text
    for name in made[1]["id"]:
        assert f">{name}<" not in text
        assert f"/{name}" not in text


def test_numbers_are_those_of_the_scores(html: str, made: Made) -> None:
    text, scores = Page(html).text, made[2]
    for row in (scores["metrics"]["dice"], *(one["dice"] for one in scores["per_class"].values())):
        assert f"{row['value']:.3f}" in text
        assert f"{row['low']:.3f} to {row['high']:.3f}" in text
    assert f"{scores['examples']} examples of {scores['patients']} patients" in text
    # The third example lost a structure.
    assert "Missed: 1 structure, invented: 0" in text
    assert "Validation" in text or "validation" in text


def test_a_volume_has_three_planes_and_an_image_one(flat: Made, deep: Made) -> None:
    for made, planes in ((flat, 1), (deep, 3)):
        run, predictions, scores = made
        page = evaluation.report(run, predictions, scores).read_text()
        shown = min(scores["examples"], 9) // 3 * 3
        assert page.count("<image ") == planes * shown
        assert ("Coronal, plane" in page) == (planes == 3)


def test_plan_history_and_parity_stand_there(deep: Made) -> None:
    text = Page(evaluation.report(*deep).read_text()).text
    assert "half of the median" in text
    assert "8 x 8 x 8" in text
    assert "validation Dice" in text
    assert "2.0e-5" in text
    assert "window" not in text.lower().split("training")[0]


def test_limits_follow_from_the_facts(flat: Made) -> None:
    text = Page(evaluation.report(*flat).read_text()).text
    assert "not a medical device" in text
    assert "Patients are not known" in text
    assert "Fewer than 30 test examples show: disc" in text
    assert "diagonal of the whole image" in text


def test_a_mask_that_is_gone_costs_its_picture_alone(flat: Made, tmp_path: Path) -> None:
    run, predictions, scores = flat
    changed = predictions.assign(prediction="masks/gone.png")
    page = evaluation.report(run, changed, scores).read_text()
    assert "No images were drawn" in page
    assert "Lowest Dice" in page


def test_answers_on_other_data_have_their_own_report(flat: Made, tmp_path: Path) -> None:
    run, predictions, scores = flat
    study = open_study(run)
    page = evaluation.report_answers(
        run, study.dataset, study.task, study.predictor, predictions, scores
    ).read_text()
    assert "nothing was trained or chosen on these scans" in page
    assert "<image " in page


def test_slices_of_a_stack_are_no_patients(flat: Made) -> None:
    run, predictions, scores = flat
    scores = {**scores, "resampled": "image", "per_patient": {"undefined": "slices"}}
    text = Page(evaluation.report(run, predictions, scores).read_text()).text
    assert "intervals over images" in text
    assert "slices of one stack" in text
    assert "patients with the lowest Dice" not in text


def test_without_truth_there_are_no_scores_and_nothing_breaks(tmp_path: Path) -> None:
    predictions = pd.DataFrame(
        {"id": ["a"], "patient": ["a"], "split": [""], "prediction": [""], "area_px2_disc": [3]}
    )
    contents = Contents(
        name="discs",
        classes=("background", "disc"),
        scores={"task": "segmentation"},
        predictions=predictions,
    )
    dataset, task = (
        Dataset(pd.DataFrame(), contents.classes, "discs"),
        Segmentation(contents.classes),
    )
    text = Page(render(Answered(contents, Run(tmp_path), dataset, task))).text
    assert "no masks to compare with" in text
    assert "No images were drawn" in text
