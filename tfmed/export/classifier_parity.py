"""Proof that an exported classifier answers as the live one does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfmed.errors import DataError
from tfmed.export.classifier import Classifier
from tfmed.export.load import Exported
from tfmed.export.parity import Row, compared, judged, tflite_rows
from tfmed.export.saved_model import example
from tfmed.export.sent import as_files, in_calls
from tfmed.transforms.prepare import resample


def check(
    classifier: Classifier,
    folder: Path,
    live: np.ndarray,
    images: Sequence[np.ndarray],
    files: Sequence[bytes | None] = (),
    extra: Sequence[Row] = (),
) -> list[Row]:
    """Compare every written form with the live model, from the files as they were read.

    Args:
        classifier: what was exported.
        folder: the export, usually a draft of `release`.
        live: probabilities float32 `[N, K]` by which the model was scored.
        images: N images as `io.read` gives them, modality units, any size and dtype.
        files: their own bytes where they are PNG or JPEG files, else None; they are sent as
            they are, and images that have none as a lossless PNG of their pixels.
        extra: rows that the caller computed, as the cache against the direct read.

    Returns:
        one row a form: `keras`, `serving_default`, `serving_bytes`, `classify`,
        `tflite_float32`, ..., then `extra`.

    Raises:
        ExportError: rows over their tolerance, all of them named.
    """
    if len(live) != len(images) or not len(images):
        raise DataError(f"parity needs as many images as answers: {len(images)} and {len(live)}")
    shape = {"size": classifier.preprocessing.size, "channels": classifier.preprocessing.channels}
    exported = Exported(folder, {"classes": list(classifier.classes), "input": shape})
    ready = [_at_size(classifier, image) for image in images]
    rows = [
        compared("keras", live, classifier.probabilities(images)),
        compared("serving_default", live, exported.predict(images)),
        *_bytes_rows(classifier, exported, live, images, files),
        *tflite_rows(classifier, folder / "tflite", live, ready),
        *extra,
    ]
    return judged(rows)


def _at_size(classifier: Classifier, image: np.ndarray) -> np.ndarray:
    """One image resampled to the plan's size, modality units."""
    batch = tf.constant(np.asarray(image, np.float32)[np.newaxis])
    return np.asarray(resample(batch, classifier.preprocessing)[0])


def _bytes_rows(
    classifier: Classifier,
    exported: Exported,
    live: np.ndarray,
    images: Sequence[np.ndarray],
    files: Sequence[bytes | None],
) -> list[Row]:
    """The rows of `serving_bytes` and `classify`."""
    if not classifier.planar:
        return [Row("serving_bytes", None, None, "PNG and JPEG carry no volumes")]
    sent, note = as_files(
        classifier.pixels, lambda part: exported.predict_bytes(part)[1], images, files
    )
    if not sent:
        return [Row(name, None, None, note) for name in ("serving_bytes", "classify")]
    live, data = live[list(sent)], list(sent.values())
    answer = in_calls(lambda part: exported.predict_bytes(part)[0], data)
    scores = in_calls(lambda part: exported.classify([example(d) for d in part])[1], data)
    return [
        compared("serving_bytes", live, answer, note=note),
        compared("classify", live, scores, note=note),
    ]
