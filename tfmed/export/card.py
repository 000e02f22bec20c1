"""The model card: what a user of an export must know, for people and for programs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from tfmed.export.card_text import markdown
from tfmed.export.classifier import Classifier
from tfmed.export.parity import Row
from tfmed.export.signatures import BYTES, CLASSIFY, IMAGE
from tfmed.run import plain, write_text
from tfmed.transforms.prepare import PERCENTILES

NAME = "card.json"
NOT_A_DEVICE = "Research use only. This is not a medical device."
INTENDED_USE = (
    "Research on images like those it was trained on: the same modality, body part, units and "
    "way of acquisition. A person who is qualified to read such images must judge every answer."
)
LIMITS = (
    "Its scores hold for the data named here. Other scanners, sites and patients were not seen.",
    "It gives an answer for any image, also for one that shows something else.",
    "Small test parts give wide intervals: read the interval, not only the value.",
)
# What may be said of a data set; an identifier or a path of this machine is not among it.
DATA_KEYS = (
    "name", "description", "licence", "citation", "url", "checksum", "examples", "patients",
    "rejected", "positive", "unit",
)  # fmt: skip
SCORE_KEYS = ("split", "threshold", "examples", "patients", "metrics", "per_class", "per_patient")


def make(
    classifier: Classifier,
    name: str,
    *,
    data: Mapping[str, Any],
    image: Mapping[str, Any],
    scores: Mapping[str, Any],
    tflite: Mapping[str, Mapping[str, Any]],
    parity: Sequence[Row] = (),
    provenance: Mapping[str, str] | None = None,
    limits: Sequence[str] = (),
) -> dict[str, Any]:
    """Put a card together.

    Args:
        classifier: what is exported.
        name: the model's name.
        data: facts on the training data: those of `DATA_KEYS` are kept; `examples` and
            `patients` are counts by part.
        image: `modality`, `units` and `spacing_mm` of the data, as far as known.
        scores: in the layout of `scores.json`.
        tflite: variant to what is known of it: `bytes`, `latency_ms`, `scores`, or `failed`
            with the reason.
        parity: the rows of `parity.check`.
        provenance: name to hash or version, as `plan_sha256`.
        limits: what to say beside the limits that every model has.

    Returns:
        plain data, ready for JSON.
    """
    variants = {variant: dict(facts) for variant, facts in tflite.items()}
    if "bytes" in variants.get("int8", {}):
        variants["int8"]["input"] = int8_input(classifier)
    card = {
        "name": name,
        "task": "classification",
        "created": datetime.now(UTC).date().isoformat(),
        "classes": classifier.classes,
        "multi_label": classifier.activation == "sigmoid",
        "temperature": classifier.temperatures,
        "folds": len(classifier.models),
        "input": {**_input(classifier), **_chosen(image, ("modality", "units", "spacing_mm"))},
        "signatures": _signatures(classifier),
        "tflite": variants,
        "scores": _chosen(scores, SCORE_KEYS),
        "parity": [row.to_dict() for row in parity],
        "data": _chosen(data, DATA_KEYS),
        "intended_use": INTENDED_USE,
        "notice": NOT_A_DEVICE,
        "limits": [*limits, *LIMITS],
        "versions": _versions(),
        "provenance": {"weights_sha256": weights_sha256(classifier), **(provenance or {})},
    }
    return dict(_public(plain(card)))


def int8_input(classifier: Classifier) -> dict[str, Any]:
    """What `int8.tflite` takes, from an image in modality units at the plan's size.

    With a fixed window it is `(clip(x, low, high) - offset) * scale`; with percentiles (of the
    image itself) it is `(clip((x - low) / (high - low), 0, 1) - offset) * scale`, 0 before the
    offset where high equals low. `offset` and `scale` are one number, or one a channel.
    """
    preprocessing = classifier.preprocessing
    mean, std = np.asarray(preprocessing.mean, float), np.asarray(preprocessing.std, float)
    if preprocessing.window is None:
        return {"percentiles": [0.5, 99.5], "offset": mean.tolist(), "scale": (1 / std).tolist()}
    low, high = preprocessing.window
    return {
        "clip": [low, high],
        "offset": (low + mean * (high - low)).tolist(),
        "scale": (1 / (std * (high - low))).tolist(),
    }


def weights_sha256(classifier: Classifier) -> str:
    """A hash over all weights in order, which does not depend on how they are stored."""
    total = hashlib.sha256()
    for model in classifier.models:
        for weight in model.get_weights():
            total.update(str(weight.shape).encode())
            total.update(np.ascontiguousarray(weight, "<f4").tobytes())
    return total.hexdigest()


def write(folder: Path, card: Mapping[str, Any]) -> None:
    """Write `card.json` and `card.md` into a folder."""
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    write_text(folder / NAME, text)
    write_text(folder / "card.md", markdown(card))


def _input(classifier: Classifier) -> dict[str, Any]:
    """The card's `input`, but for what only the data set knows."""
    preprocessing = classifier.preprocessing
    return {
        "size": preprocessing.size,
        "channels": preprocessing.channels,
        "spacing_mm": None,
        "units": "",
        "modality": "",
        "window": PERCENTILES if preprocessing.window is None else preprocessing.window,
        "mean": preprocessing.mean,
        "std": preprocessing.std,
        "sampled": preprocessing.sampled,
        "bytes": classifier.pixels.to_dict() if classifier.planar else None,
    }


def _signatures(classifier: Classifier) -> dict[str, Any]:
    """Inputs and outputs of each signature, in words."""
    deep = "N, T, H, W, C" if classifier.preprocessing.sampled else "N, D, H, W, C"
    axes = "N, H, W, C" if classifier.planar else deep
    found = {
        IMAGE: {
            "inputs": {"image": f"float32 [{axes}], any size, modality units"},
            "outputs": {"probabilities": "float32 [N, K]"},
        }
    }
    if classifier.planar:
        found[BYTES] = {
            "inputs": {"image_bytes": "string [N], PNG or JPEG files"},
            "outputs": {
                "probabilities": "float32 [N, K], NaN where not valid",
                "valid": "bool [N]",
            },
        }
        found[CLASSIFY] = {
            "inputs": {"inputs": "string [N], serialized tf.Example with image/encoded"},
            "outputs": {"classes": "string [N, K]", "scores": "float32 [N, K]"},
        }
    return found


def _versions() -> dict[str, str]:
    """Versions of what made the export."""
    found = {}
    for package in ("tfmed", "tensorflow", "keras", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            # tensorflow-cpu and other builds of it have names of their own.
            found[package] = getattr(__import__(package), "__version__", "unknown")
    return found


def _chosen(values: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """The entries that may stand in a card, in the order of `keys`."""
    return {key: values[key] for key in keys if key in values}


def _public(value: Any) -> Any:
    """The same data with every absolute path cut down to its last part."""
    if isinstance(value, dict):
        return {key: _public(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_public(item) for item in value]
    if isinstance(value, str) and PurePath(value).is_absolute():
        return PurePath(value).name
    return value
