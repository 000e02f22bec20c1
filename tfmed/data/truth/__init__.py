"""What is known of examples and a model is to find: labels, numbers or masks; one object a kind."""

from __future__ import annotations

from tfmed.data.dataset import Dataset
from tfmed.data.truth.known_truth import KnownTruth
from tfmed.tables import lookup

__all__ = ["TRUTHS", "KnownTruth", "kind", "of"]

# The column that holds it, one of `tfmed.data.dataset.ANSWERS`: what knows how to deal with it.
TRUTHS = {
    "label": "tfmed.data.truth.label_truth:LabelTruth",
    "number": "tfmed.data.truth.number_truth:NumberTruth",
    "mask": "tfmed.data.truth.mask_truth:MaskTruth",
}


def kind(name: str) -> KnownTruth:
    """The truth of a row of `TRUTHS`.

    Raises:
        ConfigError: there is no such row.
    """
    found: KnownTruth = lookup(TRUTHS, name, "truth")()
    return found


def of(dataset: Dataset) -> KnownTruth:
    """The truth of a data set, by its columns."""
    return kind(dataset.truth)
