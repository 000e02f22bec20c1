"""A run of segmentation handed over: what its export holds, what its card says, what stops it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training import masked

from tfmed import export, inference, training
from tfmed.data.cases import Case
from tfmed.errors import ExportError
from tfmed.export import card, card_text, parity, segmenter_parity, tflite
from tfmed.tasks.segmentation import mask_proof as segmenter_delivery
from tfmed.tasks.segmentation.segmenter import settings_of
from tfmed.run import Run
from tfmed.tasks import Segmentation
from tfmed.training.segmenter import dice


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Discs on noise, learnt in seconds; windows of 16 x 16 in images of 24 x 24."""
    train, valid, _ = masked.parts(tmp_path_factory.mktemp("scans of Zoë") / "data")
    plan = masked.planned()
    made = training.fit_segmenter(
        masked.network(plan), Segmentation(masked.CLASSES), train, valid, plan=plan,
        folder=tmp_path_factory.mktemp("run"))  # fmt: skip
    metrics = {"dice": {"value": 0.9, "low": 0.8, "high": 0.95}}
    made.write_json("scores.json", {"task": "segmentation", "split": "val", "metrics": metrics})
    return made


@pytest.fixture(scope="module")
def version(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export.saved_model(run, tmp_path_factory.mktemp("savedmodels") / "discs")


def card_of(version: Path) -> dict[str, Any]:
    return json.loads((version / "card.json").read_text(encoding="utf-8"))


def test_every_form_is_compared(version: Path) -> None:
    rows = {row["name"]: row for row in card_of(version)["parity"]}
    assert list(rows) == [
        "keras", "patches", "serving_default", "serving_bytes",
        "tflite_float32", "tflite_float16", "tflite_dynamic", "tflite_int8", "masks",
    ]  # fmt: skip
    assert all(row["max_difference"] is not None and row["passed"] for row in rows.values())
    tolerances = [row["tolerance"] for row in rows.values()]
    assert tolerances == [1e-4] * 5 + [1e-2, None, None, 1e-4]
    assert rows["serving_bytes"]["note"] == "4 files as they are, 0 images as PNG"


def test_the_card_says_how_whole_cases_are_asked(run: Run, version: Path) -> None:
    card = card_of(version)
    assert card["task"] == "segmentation"
    assert card["values"] == {"background": 0, "disc": 1}
    assert card["input"]["size"] == [16, 16] and card["input"]["bytes"]["bits"] == 8
    assert card["input"]["normalisation"]["kind"] == "zscore"
    assert card["scores"]["metrics"]["dice"] == {"value": 0.9, "low": 0.8, "high": 0.95}
    assert card["data"]["masks"]["kind"] == "binary"
    assert card["data"]["examples"] == {"train": 16, "val": 4}
    assert run.read_json("card.json") == card
    study = training.open_segmentation(run)
    assert settings_of(card) == study.settings
    assert card["inference"]["mirror_axes"] == [0, 1]
    text = (version / "card.md").read_text(encoding="utf-8")
    assert "by its own" in text and "not a medical device" in text


def test_each_tflite_file_has_its_size_latency_and_dice(version: Path) -> None:
    variants = card_of(version)["tflite"]
    assert list(variants) == ["float32", "float16", "dynamic", "int8"]
    for facts in variants.values():
        assert facts["bytes"] > 1000 and facts["latency_ms"] > 0 and facts["examples"] >= 3
        assert facts["scores"]["dice"] > 0.8
    assert variants["int8"]["input"]["statistics"].startswith("mean and 1 / std")


def test_the_dice_of_float32_is_that_of_the_run_without_mirrors(run: Run, version: Path) -> None:
    study, facts = training.open_segmentation(run), card_of(version)["tflite"]["float32"]
    plain = replace(study.segmenter, settings=replace(study.settings, mirror_axes=()))
    rows = study.unseen_rows()
    assert facts["examples"] == len(rows)
    cases = [study.case(int(row)) for row in rows]
    own = np.mean([dice(case.mask, plain.label_map(case), 2)[0] for case in cases])
    # It normalises each window by itself, the run the whole case.
    assert facts["scores"]["dice"] == pytest.approx(own, abs=0.02)


def test_the_export_draws_the_masks_of_the_run(run: Run, version: Path) -> None:
    study, exported = training.open_segmentation(run), export.load(version)
    assert exported.segmenter.settings == study.settings
    for row in study.unseen_rows():
        case = study.case(int(row))
        own = study.segmenter.label_map(case)
        assert np.mean(exported.segment(case.pixels, case.spacing_mm) != own) <= 1e-4
        assert dice(case.mask, own, 2)[0] > 0.8


def test_no_path_leaves_with_an_export(run: Run, version: Path) -> None:
    files = [path for path in version.rglob("*") if path.is_file()] + [run.path("card.json")]
    path = str(training.open_segmentation(run).dataset.table["path"].iloc[0])
    secrets = [path.encode(), str(run.folder).encode(), b"/home", "Zoë".encode()]
    assert [one for one in files if any(secret in one.read_bytes() for secret in secrets)] == []


def test_folds_are_averaged_and_clean_up_what_all_chose(run: Run) -> None:
    member = training.load_segmenter(run)
    members = tuple(replace(member, keep_largest=kept) for kept in ((1,), ()))
    study = replace(training.open_segmentation(run), members=members)
    model = segmenter_delivery.model_of(study)
    assert len(model.models) == 2 and model.keep_largest == ()
    patch = np.random.default_rng(0).normal(size=(2, 16, 16, 1)).astype(np.float32)
    single = inference.Ensemble([inference.network(member.model)])(patch)
    np.testing.assert_allclose(model.network()(patch), single, atol=1e-6)
    # Examples that some fold has trained on are no test of all folds together.
    assert segmenter_delivery.SegmenterDelivery(study).scores({}) == {}


def test_an_export_that_differs_from_the_run_is_not_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = segmenter_delivery.model_of(training.open_segmentation(run))
    wrong = replace(right, models=(masked.network(masked.planned()),))
    monkeypatch.setattr(segmenter_delivery, "model_of", lambda study: wrong)
    monkeypatch.setattr("tfmed.export.tflite.write", lambda *_: tflite.Converted())
    with pytest.raises(ExportError, match=r"keras .*patches .*masks"):
        export.saved_model(run, tmp_path / "discs")
    assert list((tmp_path / "discs").iterdir()) == []


@pytest.mark.parametrize("random", [None, np.random.default_rng(0)])
def test_a_patch_of_a_small_image_is_continued_by_its_edge(
    random: np.random.Generator | None,
) -> None:
    image = np.arange(2 * 6, dtype=np.float32).reshape(2, 6, 1)
    patch = segmenter_parity.patch_of(image, (4, 6), random)[..., 0]
    assert np.array_equal(patch, image[[0, 0, 1, 1], :, 0])
    assert segmenter_parity.patch_of(image, (2, 4), random).shape == (2, 4, 1)


def test_of_a_volume_in_slices_the_middle_one_is_compared(segmenters: dict[str, Any]) -> None:
    model = segmenters["hu"]
    whole = replace(
        model, settings=replace(model.settings, slice_wise=True, spacing_mm=(0.0, 1.0, 1.5))
    )
    pixels = np.zeros((5, 16, 24, 1), np.int16)
    pixels[2] = 7
    case = Case(pixels, None, (4.0, 2.0, 1.5), None, "HU", "CT")
    image = segmenter_parity.image_of(case, whole)
    assert image.shape == (32, 24, 1)
    np.testing.assert_allclose(image, 7, rtol=1e-5)
    assert segmenter_parity.sides_of(case, whole) == (5, 32, 24)


def test_volumes_convert_to_float_files_and_the_card_says_why_not_to_int8(
    segmenters: dict[str, Any], tmp_path: Path
) -> None:
    model = segmenters["deep"]
    patches = np.random.default_rng(0).normal(90, 20, (2, 8, 12, 8, 1)).astype(np.float32)
    converted = tflite.write(model, tmp_path, patches[:0])
    assert list(converted.bytes) == ["float32", "float16", "dynamic"]
    assert "volumes" in converted.failed["int8"] and "32 bits" in converted.notes["dynamic"]
    live = np.stack([model.live()(patch) for patch in patches])
    rows = parity.tflite_rows(model, tmp_path, live, list(patches))
    assert [row.tolerance for row in rows] == [1e-4, 1e-2, None, None]
    assert all(row.passed for row in parity.judged(rows))
    text = card_text.markdown(
        card.make(
            model, "deep", data={}, image={}, scores={},
            tflite={"dynamic": {"bytes": 9, "note": converted.notes["dynamic"]},
                    "int8": {"failed": converted.failed["int8"]}},
        )
    )  # fmt: skip
    assert "32 bits" in text and "not written" in text
