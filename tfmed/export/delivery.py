"""`saved_model`: a trained run handed over, proven equal to what was trained."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed import feed, log
from tfmed.data.dataset import Dataset
from tfmed.export import card, card_text, parity, tflite
from tfmed.export.classifier import Classifier, PixelCode
from tfmed.export.release import release, versions
from tfmed.export.runner import Runner, latency_ms
from tfmed.export.saved_model import write as write_saved_model
from tfmed.feed.originals import WHOLE_VALUES
from tfmed.planning import dumps
from tfmed.run import Run, write_text
from tfmed.training import Study, open_study
from tfmed.transforms.prepare import normalise

CALIBRATION_IMAGES = 300
PARITY_IMAGES = 32
PARITY_VALUES = 1 << 29
# The table of variants need not run all of a large test part four times on one thread.
VARIANT_IMAGES = 1000
SHOWN_SCORES = ("auroc", "accuracy", "balanced_accuracy")
OUT_OF_FOLD = (
    "The scores are out of fold: each is of one fold's network, and the exported model is the "
    "mean of all of them, which itself was scored on no examples."
)


def saved_model(run: Run, base: str | Path) -> Path:
    """Export a trained run: SavedModel, TFLite files, card, checksums.

    The written files are compared with the live model on the run's own scans before the version
    is visible. Its card is left in the run too, as `card.json` and `card.md`.

    Args:
        run: whose training has finished; its `scores.json`, if there, goes into the card.
        base: the model's folder, `savedmodels/NAME`.

    Returns:
        The new version's folder, `savedmodels/NAME/VERSION`.

    Raises:
        DataError: the run is not trained.
        ExportError: an exported form does not answer as the live model, or `base` cannot be
            written.
    """
    study, base = open_study(run), Path(base)
    classifier = classifier_of(study)
    log.info(f"exporting to {base}")
    with release(base) as draft:
        folder = draft.folder / "tflite"
        write_saved_model(classifier, draft.folder)
        converted = tflite.write(classifier, folder, _representative(study))
        variants = _variants(study, folder, converted)
        proof = _prove(study, classifier, draft.folder)
        made = _card(study, classifier, base.name, variants, proof)
        card.write(draft.folder, made)
        # Before the version is visible, so that `written` knows it whenever this is killed.
        run.write_json(card.NAME, made)
        write_text(run.path("card.md"), card_text.markdown(made))
    assert draft.path is not None
    return draft.path


def written(run: Run, base: str | Path) -> Path | None:
    """The version under `base` that the run's card tells of; None where there is none.

    The card has latencies that were measured for it, so no two exports have the same.
    """
    if not run.has(card.NAME):
        return None
    own = run.read_json(card.NAME)
    for version in reversed(versions(Path(base))):
        folder = Path(base) / str(version)
        if (folder / card.NAME).is_file() and Run(folder).read_json(card.NAME) == own:
            return folder
    return None


def classifier_of(study: Study) -> Classifier:
    """The study's members with their preprocessing, as they are exported."""
    table = study.dataset.table
    return Classifier(
        models=tuple(member.model for member in study.members),
        preprocessing=study.plan.preprocessing,
        temperatures=tuple(member.temperature for member in study.members),
        classes=study.task.classes,
        activation=study.task.activation,
        pixels=PixelCode.of(
            float(table["minimum"].min()), float(table["maximum"].max()), int(table["bits"].max())
        ),
    )


def _card(
    study: Study,
    classifier: Classifier,
    name: str,
    variants: dict[str, dict[str, Any]],
    proof: list[parity.Row],
) -> dict[str, Any]:
    scores = study.run.read_json("scores.json") if study.run.has("scores.json") else {}
    # A cross-validation's own test part was answered by what is exported: that is its score.
    scores = {**scores.get("test", scores), "threshold": study.threshold}
    pooled = len(study.members) > 1 and scores.get("split") != "test"
    plan = hashlib.sha256(dumps(study.plan).encode()).hexdigest()
    return card.make(
        classifier,
        name,
        data=_provenance(study.dataset),
        image=_image_facts(study.dataset),
        scores=scores,
        tflite=variants,
        parity=proof,
        provenance={"plan_sha256": plan},
        limits=[OUT_OF_FOLD] if pooled else [],
    )


def _representative(study: Study) -> np.ndarray:
    """Training images at the plan's size, modality units, spread over the training part."""
    return _images(study, _spread(study.rows("train"), CALIBRATION_IMAGES))


def _prove(study: Study, classifier: Classifier, folder: Path) -> list[parity.Row]:
    """Compare the written files with the live answer, from the scans' own files on."""
    rows = study.unseen_rows()
    rows = _spread(rows, _bearable(study.at(rows).table))
    part = study.at(rows)
    originals = list(feed.originals(part, classifier.preprocessing))
    live = classifier.probabilities(originals)
    own = study.cache.take(rows)
    cached = np.mean([member.probabilities(own) for member in study.members], axis=0)
    # Rounding, which a small temperature or a volume's many voxels enlarge: no fault of a file.
    gap = parity.difference(live, cached)
    row = parity.Row("cache", gap, parity.ROUNDED, note="against the direct read")
    return parity.check(classifier, folder, live, originals, _files(part.table), extra=[row])


def _bearable(table: pd.DataFrame) -> int:
    """How many images are compared: they are in memory together at their own size."""
    sides = table[["depth", "height", "width", "channels"]].to_numpy(np.int64)
    values = np.where(table["clip"], WHOLE_VALUES, sides.prod(axis=1))
    return int(np.clip(PARITY_VALUES // max(values.max(), 1), 4, PARITY_IMAGES))


def _files(table: pd.DataFrame) -> list[bytes | None]:
    """The files of PNG and JPEG examples, which a client would send as they are."""
    return [
        Path(path).read_bytes() if kind in ("png", "jpeg") else None
        for path, kind in zip(table["path"], table["format"], strict=True)
    ]


def _variants(study: Study, folder: Path, converted: tflite.Converted) -> dict[str, dict[str, Any]]:
    """Size, latency and scores of each TFLite file."""
    files = {variant: folder / f"{variant}.tflite" for variant in converted.bytes}
    scores = _scores(study, files)
    found: dict[str, dict[str, Any]] = {
        variant: {
            "bytes": converted.bytes[variant],
            "latency_ms": round(latency_ms(file), 3),
            **scores.get(variant, {}),
        }
        for variant, file in files.items()
    }
    return found | {variant: {"failed": why} for variant, why in converted.failed.items()}


def _scores(study: Study, files: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """Scores of each file on examples that no member has trained on; none where all have.

    The mean of a cross-validation's folds has seen every example: without a test part, scores
    of it would flatter.
    """
    if len(study.members) > 1 and not len(study.rows("test")):
        return {}
    rows = _spread(study.unseen_rows(), VARIANT_IMAGES)
    part, images = study.at(rows), _images(study, rows)
    found = {}
    for variant, file in files.items():
        given = images
        if variant == tflite.INT8:
            given = np.concatenate(list(_normalised(study, images)))
        answer = Runner(file).predict(given).astype(np.float64)
        predictions = study.task.predictions(part, answer, study.threshold)
        scores = study.task.score(predictions, study.threshold, resamples=0)["metrics"]
        values = {name: scores[name]["value"] for name in SHOWN_SCORES}
        found[variant] = {"examples": len(rows), "scores": values}
    return found


def _normalised(study: Study, images: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(images), 64):
        yield normalise(tf.constant(images[start : start + 64]), study.plan.preprocessing).numpy()


def _images(study: Study, rows: np.ndarray) -> np.ndarray:
    return study.cache.gather(tf.constant(rows, tf.int64)).numpy()


def _spread(rows: np.ndarray, count: int) -> np.ndarray:
    """At most `count` of the rows, evenly spread."""
    if len(rows) <= count:
        return rows
    return rows[np.linspace(0, len(rows) - 1, count).round().astype(int)]


def _provenance(dataset: Dataset) -> dict[str, Any]:
    """What the card may say of the data."""
    table = dataset.table[dataset.table["split"] != ""]
    return {
        "name": dataset.name,
        **dataset.facts,
        "examples": table["split"].value_counts().to_dict(),
        "patients": table.groupby("split")["patient"].nunique().to_dict(),
        "rejected": len(dataset.rejects),
    }


def _image_facts(dataset: Dataset) -> dict[str, Any]:
    table = dataset.table
    spacing = table[["row_spacing_mm", "column_spacing_mm"]].median()
    return {
        "modality": ", ".join(sorted({value for value in table["modality"] if value})),
        "units": ", ".join(sorted({value for value in table["units"] if value})),
        "spacing_mm": None if spacing.isna().any() else [round(float(s), 4) for s in spacing],
    }
