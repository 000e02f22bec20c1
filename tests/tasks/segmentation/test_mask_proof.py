"""A run of masks handed over: what its export holds, what its card says, what stops it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_runs import copy
from training import masked

from tfmed import export, inference
from tfmed.data.case_reading import Case
from tfmed.errors import DataError, ExportError
from tfmed.export import backends, card, card_text, delivery, parity, tflite
from tfmed.export.saved_model import write
from tfmed.run import Run
from tfmed.tasks.segmentation import mask_proof
from tfmed.tasks.segmentation.export import settings_of
from tfmed.tasks.segmentation.mask_drawing import case_of
from tfmed.tasks.segmentation.validation import dice
from tfmed.training import Study, open_study


@pytest.fixture(scope="module")
def run(segmenter_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Trained and scored."""
    made = copy(segmenter_run, tmp_path_factory.mktemp("copied") / "run")
    metrics = {"dice": {"value": 0.9, "low": 0.8, "high": 0.95}}
    made.write_json("scores.json", {"task": "segmentation", "split": "val", "metrics": metrics})
    return made


@pytest.fixture(scope="module")
def study(run: Run) -> Study:
    """The run, opened."""
    return open_study(run)


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


def test_the_card_says_how_whole_cases_are_asked(run: Run, study: Study, version: Path) -> None:
    card = card_of(version)
    assert card["task"] == "segmentation"
    assert card["values"] == {"background": 0, "disc": 1}
    assert card["input"]["size"] == [16, 16] and card["input"]["bytes"]["bits"] == 8
    assert card["input"]["normalisation"]["kind"] == "zscore"
    assert card["scores"]["metrics"]["dice"] == {"value": 0.9, "low": 0.8, "high": 0.95}
    assert card["data"]["masks"]["kind"] == "binary"
    assert card["data"]["examples"] == {"train": 16, "val": 4}
    assert run.read_json("card.json") == card
    assert settings_of(card) == study.predictor.settings
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


def test_the_dice_of_float32_is_that_of_the_run_without_mirrors(
    study: Study, version: Path
) -> None:
    facts = card_of(version)["tflite"]["float32"]
    plain = replace(study.predictor, settings=replace(study.predictor.settings, mirror_axes=()))
    rows = study.unseen_rows()
    assert facts["examples"] == len(rows)
    cases = [case_of(study.dataset, int(row)) for row in rows]
    own = np.mean([dice(case.mask, plain.label_map(case), 2)[0] for case in cases])
    # It normalises each window by itself, the run the whole case.
    assert facts["scores"]["dice"] == pytest.approx(own, abs=0.02)


def test_the_export_draws_the_masks_of_the_run(study: Study, version: Path) -> None:
    exported = export.load(version)
    assert exported.predictor.settings == study.predictor.settings  # type: ignore[attr-defined]
    for row in study.unseen_rows():
        case = case_of(study.dataset, int(row))
        own = study.predictor.label_map(case)
        assert np.mean(exported.segment(case.pixels, case.spacing_mm) != own) <= 1e-4
        assert dice(case.mask, own, 2)[0] > 0.8


def test_no_path_leaves_with_an_export(run: Run, study: Study, version: Path) -> None:
    files = [path for path in version.rglob("*") if path.is_file()] + [run.path("card.json")]
    path = str(study.dataset.table["path"].iloc[0])
    secrets = [path.encode(), str(run.folder).encode(), b"/home", "Zoë".encode()]
    assert [one for one in files if any(secret in one.read_bytes() for secret in secrets)] == []


def test_folds_are_averaged_and_clean_up_what_all_chose(study: Study) -> None:
    (member,) = study.members
    members = tuple(replace(member, chosen={"keep_largest": kept}) for kept in ([1], []))
    folds = replace(study, members=members)
    assert len(folds.predictor.models) == 2 and folds.predictor.keep_largest == ()
    both = replace(study, members=(members[0], members[0]))
    assert both.predictor.keep_largest == (1,)
    patch = np.random.default_rng(0).normal(size=(2, 16, 16, 1)).astype(np.float32)
    single = inference.Ensemble([inference.network(member.model)])(patch)
    np.testing.assert_allclose(folds.predictor.network()(patch), single, atol=1e-6)
    # Examples that some fold has trained on are no test of all folds together.
    assert mask_proof.file_scores(folds, {}) == {}


def test_an_export_that_differs_from_the_run_is_not_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    untrained = masked.network(masked.planned())
    monkeypatch.setattr(
        delivery,
        "write_saved_model",
        lambda predictor, folder: write(replace(predictor, models=(untrained,)), folder),
    )
    monkeypatch.setattr(tflite, "write", lambda *_: tflite.Converted())
    with pytest.raises(ExportError, match=r"patches .*serving_default .*serving_bytes .*masks"):
        export.saved_model(run, tmp_path / "discs")
    assert list((tmp_path / "discs").iterdir()) == []


def test_no_case_is_no_proof(segmenters: dict[str, Any], segmented: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="at least one case"):
        mask_proof.compare(segmenters["plain"], segmented["plain"], {}, [])


@pytest.mark.parametrize("random", [None, np.random.default_rng(0)])
def test_a_patch_of_a_small_image_is_continued_by_its_edge(
    random: np.random.Generator | None,
) -> None:
    image = np.arange(2 * 6, dtype=np.float32).reshape(2, 6, 1)
    patch = mask_proof.patch_of(image, (4, 6), random)[..., 0]
    assert np.array_equal(patch, image[[0, 0, 1, 1], :, 0])
    assert mask_proof.patch_of(image, (2, 4), random).shape == (2, 4, 1)


def test_of_a_volume_in_slices_the_middle_one_is_compared(segmenters: dict[str, Any]) -> None:
    model = segmenters["hu"]
    whole = replace(
        model, settings=replace(model.settings, slice_wise=True, spacing_mm=(0.0, 1.0, 1.5))
    )
    pixels = np.zeros((5, 16, 24, 1), np.int16)
    pixels[2] = 7
    case = Case(pixels, None, (4.0, 2.0, 1.5), None, "HU", "CT")
    image = mask_proof.image_of(case, whole)
    assert image.shape == (32, 24, 1)
    np.testing.assert_allclose(image, 7, rtol=1e-5)
    # 5 slices of 32 x 24, each of 3 x 2 windows of 16 x 16 at half overlap.
    assert mask_proof._windows(case, whole) == 5 * 3 * 2


def test_volumes_convert_to_float_files_and_the_card_says_why_not_to_int8(
    segmenters: dict[str, Any], segmented: dict[str, Any], tmp_path: Path
) -> None:
    model = segmenters["deep"]
    patches = np.random.default_rng(0).normal(90, 20, (2, 8, 12, 8, 1)).astype(np.float32)
    converted = tflite.write(model, tmp_path, patches[:0])
    assert list(converted.bytes) == ["float32", "float16", "dynamic"]
    assert "volumes" in converted.failed["int8"] and "32 bits" in converted.notes["dynamic"]
    cases = [Case(patch, None, (2.0, 1.0, 1.0), None, "", "") for patch in patches]
    files = {variant: tmp_path / f"{variant}.tflite" for variant in converted.bytes}
    rows = mask_proof.compare(model, segmented["deep"], files, cases)
    assert [row.tolerance for row in rows[-5:]] == [1e-4, 1e-2, None, None, 1e-4]
    said = {row.name: row.note for row in parity.judged(rows) if row.max_difference is None}
    assert said == {
        "serving_bytes": "PNG and JPEG carry no volumes", "tflite_int8": "not written"
    }  # fmt: skip
    text = card_text.markdown(
        card.make(
            model, "deep", data={}, image={}, scores={},
            tflite={"dynamic": {"bytes": 9, "note": converted.notes["dynamic"]},
                    "int8": {"failed": converted.failed["int8"]}},
        )
    )  # fmt: skip
    assert "32 bits" in text and "not written" in text


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_files_see_the_patches_that_the_networks_see(
    segmenters: dict[str, Any], tmp_path: Path, variant: str
) -> None:
    # Values are normalised by fixed numbers, which `float32` takes back and `int8` does not.
    own = replace(segmenters["hu"], models=segmenters["hu"].models[:1]).unmirrored
    patches = np.random.default_rng(0).normal(20, 90, (3, 16, 16, 1)).astype(np.float32)
    tflite.write(own, tmp_path, patches)
    ready = own.intensity.apply(patches)
    found = own.on(backends.tflite(tmp_path / f"{variant}.tflite")).networks(ready)
    live = own.networks(ready)
    assert np.abs(found - live).max() < (1e-4 if variant == "float32" else 0.1)
    assert np.ptp(live) > 0.2
