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

from tfmed import hardware
from tfmed.export.card_text import markdown
from tfmed.export.parity import Row
from tfmed.run import plain, write_text
from tfmed.task import Predictor

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
    "rejected", "positive", "unit", "masks", "stack",
)  # fmt: skip
IMAGE_KEYS = ("modality", "units", "spacing_mm")
SCORE_KEYS = ("split", "threshold", "examples", "patients", "metrics", "per_class", "per_patient")


def make(
    predictor: Predictor,
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
        predictor: what is exported.
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
        variants["int8"]["input"] = predictor.int8_input()
    own = predictor.describe()
    known = dict.fromkeys(IMAGE_KEYS) | _chosen(image, IMAGE_KEYS)
    card = {
        "name": name,
        "created": datetime.now(UTC).date().isoformat(),
        "folds": len(predictor.models),
        **own,
        "input": {**known, **own["input"]},
        "tflite": variants,
        "scores": _chosen(scores, SCORE_KEYS),
        "parity": [row.to_dict() for row in parity],
        "data": _chosen(data, DATA_KEYS),
        "intended_use": INTENDED_USE,
        "notice": NOT_A_DEVICE,
        "limits": [*limits, *LIMITS],
        "versions": _versions(),
        "machine": hardware.describe(),
        "provenance": {"weights_sha256": weights_sha256(predictor), **(provenance or {})},
    }
    return dict(_public(plain(card)))


def weights_sha256(predictor: Predictor) -> str:
    """A hash over all weights in order, which does not depend on how they are stored."""
    total = hashlib.sha256()
    for model in predictor.models:
        for weight in model.get_weights():
            total.update(str(weight.shape).encode())
            total.update(np.ascontiguousarray(weight, "<f4").tobytes())
    return total.hexdigest()


def write(folder: Path, card: Mapping[str, Any]) -> None:
    """Write `card.json` and `card.md` into a folder."""
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    write_text(folder / NAME, text)
    write_text(folder / "card.md", markdown(card))


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
