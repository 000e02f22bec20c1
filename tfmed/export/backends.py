"""What may run a predictor's networks in place of Keras: a SavedModel, or a TFLite file.

Each says what it takes, so that the predictor prepares that and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tfmed.export.load import Exported
from tfmed.export.runner import Runner
from tfmed.export.signatures import IMAGE, PATCHES
from tfmed.export.tflite import INT8

# Images of any size in modality units; those of the plan's size; or normalised ones.
Takes = Literal["images", "sized", "normalised"]


@dataclass(frozen=True)
class Backend:
    """Networks that run elsewhere.

    Attributes:
        name: for reports.
        takes: what they are given.
        call: a batch, or images one by one, to answers by name.
        in_graph: whether it takes and gives tensors, as a part of another graph.
    """

    name: str
    takes: Takes
    call: Callable[[Any], dict[str, Any]]
    in_graph: bool = False


def saved_model(exported: Exported) -> Backend:
    """The signature `serving_default` of an export."""
    return Backend(IMAGE, "images", exported.predict)


def patches(exported: Exported) -> Backend:
    """The signature `patches` of an export.

    Raises:
        DataError: it has none.
    """
    return Backend(
        PATCHES, "normalised", lambda given: exported.graph(PATCHES, patches=given), in_graph=True
    )


def tflite(file: Path, threads: int = 1) -> Backend:
    """A TFLite file of an export, by its name."""
    takes: Takes = "normalised" if file.stem == INT8 else "sized"
    return Backend(f"tflite_{file.stem}", takes, Runner(file, threads).predict)
