"""Proof that an export answers for whole examples as its run does, and the scores of its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed import feed
from tfmed.errors import DataError
from tfmed.export import backends
from tfmed.export.load import Exported
from tfmed.export.parity import EXACT, ROUNDED, TFLITE_TOLERANCES, Row, compared, judged
from tfmed.export.saved_model import example
from tfmed.export.sent import as_files, in_calls
from tfmed.export.signatures import BYTES, CLASSIFY
from tfmed.export.spread import spread
from tfmed.feed.originals import WHOLE_VALUES
from tfmed.tasks.recognition.recogniser import Recogniser
from tfmed.training import Study

CALIBRATION_IMAGES = 300
PARITY_IMAGES = 32
PARITY_VALUES = 1 << 29
# The table of variants need not run all of a large test part four times on one thread.
VARIANT_IMAGES = 1000


def samples(study: Study) -> np.ndarray:
    """Training images at the plan's size, modality units, spread over the training part."""
    training = np.flatnonzero(study.used.table["split"] == "train")
    return _cached(study, spread(training, CALIBRATION_IMAGES))


def file_scores(study: Study, files: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """Scores of each file on examples that no member has trained on; none where all have.

    The mean of a cross-validation's folds has seen every example: without a test part,
    scores of it would flatter.
    """
    if len(study.members) > 1 and not len(study.rows("test")):
        return {}
    rows, answer = spread(study.unseen_rows(), VARIANT_IMAGES), study.task.answer
    part = study.at(rows)
    images = np.stack(list(feed.read(part, study.plan.preprocessing)))
    found = {}
    for variant, file in files.items():
        predictor = study.predictor.on(backends.tflite(file))
        answers = answer.stacked(predictor.ask({"image": images})).astype(np.float64)
        table = answer.table(part, answers, predictor.threshold)
        about = study.task.scoring(predictor, part)
        scores = study.task.score(table, resamples=0, **about)["metrics"]
        values = {name: scores[name]["value"] for name in answer.SHOWN}
        found[variant] = {"examples": len(rows), "scores": values}
    return found


def proof(study: Study, exported: Exported, files: Mapping[str, Path]) -> list[Row]:
    """Compare the written files with the run's networks, from the scans' own files on.

    Returns:
        A row a form: `keras`, `serving_default`, `serving_bytes`, `classify`,
        `tflite_float32`, ..., and `cache`, against what training read.

    Raises:
        ExportError: rows over their tolerance, all of them named.
    """
    rows = study.unseen_rows()
    rows = spread(rows, _bearable(study.at(rows).table))
    part, predictor = study.at(rows), study.predictor
    images = list(feed.originals(part, predictor.preprocessing))
    live = study.task.answer_all(predictor, part)
    found = compare(predictor, live, exported, files, images, _files(part.table))
    return judged([*found, _cache_row(study, len(rows))])


def compare(
    predictor: Recogniser,
    live: np.ndarray,
    exported: Exported,
    files: Mapping[str, Path],
    images: Sequence[np.ndarray],
    sent: Sequence[bytes | None] = (),
) -> list[Row]:
    """One row a form of an export.

    Args:
        predictor: a run's networks.
        live: their answers `[N, width]`, by which the run was scored.
        exported: the export, usually a draft of `release`.
        files: of the TFLite variants that were written.
        images: N images as `io.read` gives them, modality units, any size and dtype.
        sent: their own bytes where they are PNG or JPEG files, else None; images that have none
            are sent as a lossless PNG of their pixels.
    """
    if len(live) != len(images) or not len(images):
        raise DataError(f"parity needs as many images as answers: {len(images)} and {len(live)}")

    def row(name: str, backend: backends.Backend | None, tolerance: float | None) -> Row:
        asked = predictor.on(backend) if backend else predictor
        return compared(name, *_comparable(predictor, live, _asked(asked, images)), tolerance)

    rows = [
        row("keras", None, EXACT),
        row("serving_default", backends.saved_model(exported), EXACT),
        *_bytes_rows(predictor, exported, live, images, sent),
    ]
    for variant, tolerance in TFLITE_TOLERANCES.items():
        name = f"tflite_{variant}"
        if variant in files:
            rows.append(row(name, backends.tflite(files[variant]), tolerance))
        else:
            rows.append(Row(name, None, None, "not written"))
    return rows


def _asked(predictor: Recogniser, images: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    return predictor.answer.stacked(predictor.ask({"image": images}))


def _comparable(
    predictor: Recogniser, live: np.ndarray, other: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Answers in the unit in which they are compared."""
    answer, chosen = predictor.answer, predictor.chosen
    return answer.comparable(live, chosen), answer.comparable(other, chosen)


def _bytes_rows(
    predictor: Recogniser,
    exported: Exported,
    live: np.ndarray,
    images: Sequence[np.ndarray],
    files: Sequence[bytes | None],
) -> list[Row]:
    """The rows of `serving_bytes` and `classify`."""
    names = [name for name in (BYTES, CLASSIFY) if name in exported.signatures]
    if not names:
        return [Row(BYTES, None, None, "PNG and JPEG carry no volumes")]
    data, note = as_files(
        predictor.pixels, lambda part: exported.predict_bytes(part)["valid"], images, files
    )
    if not data:
        return [Row(name, None, None, note) for name in names]
    stacked = predictor.answer.stacked
    asks = {
        BYTES: lambda part: stacked(exported.predict_bytes(part)),
        CLASSIFY: lambda part: exported.classify([example(one) for one in part])[1],
    }
    return [
        compared(
            name,
            *_comparable(predictor, live[list(data)], in_calls(asks[name], list(data.values()))),
            note=note,
        )
        for name in names
    ]


def _cache_row(study: Study, count: int) -> Row:
    """What training read against the scans' files."""
    rows, predictor = spread(np.arange(len(study.used)), count), study.predictor
    part = study.used.with_table(study.used.table.iloc[rows])
    direct = study.task.answer_all(predictor, part)
    cached = _asked(predictor, _cached(study, rows))
    # Rounding, which a small temperature or a volume's many voxels enlarge: no fault of a file.
    both = _comparable(predictor, direct, cached)
    return compared("cache", *both, ROUNDED, "against the direct read")


def _cached(study: Study, rows: np.ndarray) -> np.ndarray:
    """Images at some positions of those that were used, as training read them."""
    images: np.ndarray = study.store.images.gather(tf.constant(rows, tf.int64)).numpy()
    return images


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
