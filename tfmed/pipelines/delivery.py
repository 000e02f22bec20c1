"""What a study hands over: the export, proven equal to the live model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmed import export, feed, log
from tfmed.export import card, parity, saved_model, tflite
from tfmed.export.runner import Runner, latency_ms
from tfmed.pipelines.study import Study
from tfmed.planning import dumps
from tfmed.transforms.prepare import normalise

CALIBRATION_IMAGES = 300
PARITY_IMAGES = 32
# The table of variants need not run all of a large test part four times on one thread.
VARIANT_IMAGES = 1000
SHOWN_SCORES = ("auroc", "accuracy", "balanced_accuracy")


def classifier_of(study: Study) -> export.Classifier:
    """The study's members with their preprocessing, as they are exported."""
    table = study.dataset.table
    return export.Classifier(
        models=tuple(member.model for member in study.members),
        preprocessing=study.plan.preprocessing,
        temperatures=tuple(member.temperature for member in study.members),
        classes=study.task.classes,
        activation=study.task.activation,
        pixels=export.PixelCode.of(
            float(table["minimum"].min()), float(table["maximum"].max()), int(table["bits"].max())
        ),
    )


def release(study: Study, base: Path) -> dict[str, Any]:
    """Export, prove equal and measure; nothing is visible before all has passed.

    Args:
        study: what is exported.
        base: the model's folder, `savedmodels/NAME`.

    Returns:
        `path`, and the rows of `variants` and `parity`, as plain data.

    Raises:
        ExportError: an exported model does not answer as the live one.
    """
    classifier = classifier_of(study)
    log.info(f"exporting to {base}")
    with export.release(base) as draft:
        folder = draft.folder / "tflite"
        saved_model.write(classifier, draft.folder)
        converted = tflite.write(classifier, folder, _representative(study))
        proof = _prove(study, classifier, draft.folder)
        variants = {
            variant: {"bytes": size, **_measure(study, folder / f"{variant}.tflite")}
            for variant, size in converted.bytes.items()
        } | {variant: {"failed": reason} for variant, reason in converted.failed.items()}
        made = card.make(
            classifier,
            base.name,
            data=_provenance(study),
            image=_image_facts(study),
            scores=study.scores,
            tflite=variants,
            parity=proof,
            provenance={"plan_sha256": hashlib.sha256(dumps(study.plan).encode()).hexdigest()},
            limits=_limits(study),
        )
        card.write(draft.folder, made)
    rows = [row.to_dict() for row in proof]
    return {"path": str(draft.path), "variants": variants, "parity": rows, "card": made}


def _representative(study: Study) -> np.ndarray:
    """Training images at the plan's size, modality units, spread over the training part."""
    rows = study.rows("train", "val") if len(study.members) > 1 else study.rows("train")
    return _images(study, _spread(rows, CALIBRATION_IMAGES))


def _prove(study: Study, classifier: export.Classifier, folder: Path) -> list[parity.Row]:
    """Compare the written files with the live answer, from the scans' own files on."""
    rows = _spread(study.scored_rows(), PARITY_IMAGES)
    part = study.dataset.with_table(study.dataset.table.iloc[rows])
    originals = list(feed.originals(part))
    live = classifier.probabilities(originals)
    cached = np.mean(
        [member.probabilities(study.cache.take(rows), study.plan, study.task)
         for member in study.members],
        axis=0,
    )  # fmt: skip
    row = parity.Row("cache", parity.difference(live, cached), note="against the direct read")
    return parity.check(classifier, folder, live, originals, _files(part.table), extra=[row])


def _files(table: Any) -> list[bytes | None]:
    """The files of PNG and JPEG examples, which a client would send as they are."""
    return [
        Path(path).read_bytes() if kind in ("png", "jpeg") else None
        for path, kind in zip(table["path"], table["format"], strict=True)
    ]


def _measure(study: Study, file: Path) -> dict[str, Any]:
    """Size, latency and scores of one TFLite file on the examples that were scored."""
    rows = _spread(study.scored_rows(), VARIANT_IMAGES)
    images = _images(study, rows)
    if file.stem == tflite.INT8:
        images = np.concatenate(list(_normalised(study, images)))
    answer = Runner(file).predict(images)
    part = study.dataset.with_table(study.dataset.table.iloc[rows])
    predictions = study.task.predictions(part, answer.astype(np.float64), study.threshold)
    scores = study.task.score(predictions, study.threshold, resamples=0)["metrics"]
    return {
        "latency_ms": round(latency_ms(file), 3),
        "examples": len(rows),
        "scores": {name: scores[name]["value"] for name in SHOWN_SCORES},
    }


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


def _provenance(study: Study) -> dict[str, Any]:
    """What the card may say of the data."""
    table = study.dataset.table
    return {
        "name": study.dataset.name,
        **study.dataset.facts,
        "examples": table["split"].value_counts().to_dict(),
        "patients": table.groupby("split")["patient"].nunique().to_dict(),
        "rejected": len(study.dataset.rejects),
    }


def _image_facts(study: Study) -> dict[str, Any]:
    table = study.dataset.table
    spacing = table[["row_spacing_mm", "column_spacing_mm"]].median()
    return {
        "modality": ", ".join(sorted({value for value in table["modality"] if value})),
        "units": ", ".join(sorted({value for value in table["units"] if value})),
        "spacing_mm": None if spacing.isna().any() else [round(float(s), 4) for s in spacing],
    }


def _limits(study: Study) -> list[str]:
    if len(study.members) > 1 and study.scores["split"] != "test":
        return [
            "The scores are out of fold: each is of one fold's network, and the exported model "
            "is the mean of all of them, which itself was scored on no examples."
        ]
    return []
