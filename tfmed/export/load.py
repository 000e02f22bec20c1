"""An export, loaded and asked: what TF Serving would answer, in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmed.errors import DataError, ExportError
from tfmed.export.release import verify_checksums, versions
from tfmed.export.signatures import BYTES, CLASSIFY, IMAGE, PATCHES
from tfmed.task import Predictor, Task, kind
from tfmed.transforms.prepare import match_channels

# Pixels of one call: bounds the memory that a batch of large images takes.
CALL_PIXELS = 1 << 24
CALL_IMAGES = 32


class Exported:
    """A SavedModel, by its signatures.

    Args:
        folder: the version folder.
        card: what `card.json` holds.

    Attributes:
        folder: the version folder.
        card: what `card.json` holds.
    """

    def __init__(self, folder: Path, card: dict[str, Any]) -> None:
        self.folder = folder
        self.card = card
        try:
            # The module must outlive its signatures: it owns their variables.
            self._module = tf.saved_model.load(str(folder))
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise ExportError(f"{folder} is not a SavedModel that loads here ({error})") from error

    @property
    def signatures(self) -> tuple[str, ...]:
        """Names of the signatures that it has."""
        return tuple(sorted(self._module.signatures))

    @property
    def task(self) -> Task:
        """What it was trained for."""
        task: Task = kind(self.card["task"]).of_card(self.card)
        return task

    @cached_property
    def predictor(self) -> Predictor:
        """What answers as the run does, for whole examples."""
        predictor: Predictor = self.task.exported(self)
        return predictor

    def predict(self, images: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Ask `serving_default`.

        Args:
            images: `[H, W, C]` or `[D, H, W, C]` each, or one array of them; modality units, C
                1 or 3 (brought to the channels of the card). Of any sizes, where the task's
                signature takes them.

        Returns:
            its outputs by their names, `[N, ...]`; of images that were asked together, so that
            they have one size where an answer has that of its image.
        """
        given = self.card["input"]
        rank = len(given["size"]) + 1
        wrong = next((image.shape for image in images if np.ndim(image) != rank), None)
        if wrong is not None:
            raise DataError(f"the model takes images of rank {rank} with channels, not {wrong}")
        if not len(images):
            raise DataError("no image was given; at least one is needed")
        parts = [
            self.ask(IMAGE, image=match_channels(tf.constant(batch), given["channels"]))
            for batch in _batches(images)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def predict_bytes(self, files: Sequence[bytes]) -> dict[str, np.ndarray]:
        """Ask `serving_bytes`.

        Args:
            files: whole PNG or JPEG files.

        Returns:
            its outputs by their names, NaN for a file that is not valid, and `valid` bool `[N]`.
        """
        return self.ask(BYTES, image_bytes=tf.constant(files, tf.string, (len(files),)))

    def classify(self, examples: Sequence[tf.train.Example]) -> tuple[np.ndarray, np.ndarray]:
        """Ask `classify`.

        Args:
            examples: with the file in `image/encoded`.

        Returns:
            class names (objects) and scores float32, both `[N, K]`.
        """
        texts = [example.SerializeToString() for example in examples]
        answer = self.ask(CLASSIFY, inputs=tf.constant(texts, tf.string, (len(texts),)))
        return answer["classes"].astype(str), answer["scores"]

    def segment(self, pixels: np.ndarray, spacing_mm: Sequence[float] | None = None) -> np.ndarray:
        """The label map of one whole case, as the run gives it.

        Args:
            pixels: `[H, W, C]` or `[D, H, W, C]`, modality units, C 1 or 3.
            spacing_mm: of a voxel along each axis; None where it is not known.

        Returns:
            uint8 `[H, W]` or `[D, H, W]`; the card's `classes` in order.

        Raises:
            DataError: it draws no masks, or takes other axes.
            GeometryError: the spacing is not known, and the model has one.
        """
        if PATCHES not in self.signatures:
            raise DataError(f"{self.folder.name} is a model of {self.card['task']}, not of masks")
        return self.predictor.ask({"image": pixels, "spacing_mm": spacing_mm})["mask"]

    def graph(self, name: str, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """A signature as a part of another graph.

        Args:
            name: of the signature.
            inputs: tensors by their names.
        """
        found: dict[str, tf.Tensor] = self._signature(name)(**inputs)
        return found

    def ask(self, name: str, **inputs: Any) -> dict[str, np.ndarray]:
        """Ask any signature.

        Args:
            name: of the signature.
            inputs: by their names.

        Returns:
            its outputs by their names.

        Raises:
            DataError: there is no such signature.
        """
        answer = self._signature(name)(**{k: tf.constant(v) for k, v in inputs.items()})
        return {key: value.numpy() for key, value in answer.items()}

    def _signature(self, name: str) -> Any:
        if name not in self._module.signatures:
            raise DataError(
                f"{self.folder.name} has no signature {name}, only {', '.join(self.signatures)}: "
                "PNG and JPEG carry no volumes"
            )
        return self._module.signatures[name]


def load(folder: Path | str) -> Exported:
    """Load an export after checking its files against their checksums.

    A SavedModel is a program: load only what comes from a source that you trust.

    Args:
        folder: a version folder (`savedmodels/NAME/1`), or its parent for the newest version.

    Raises:
        ExportError: not an export, or files that are missing or changed.
    """
    folder = Path(folder)
    if not (folder / "saved_model.pb").exists() and versions(folder):
        folder = folder / str(versions(folder)[-1])
    verify_checksums(folder)
    return Exported(folder, json.loads((folder / "card.json").read_text("utf-8")))


def _batches(images: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Neighbours of one shape as float32 batches, none of them too large."""
    batch: list[np.ndarray] = []
    for image in images:
        full = batch and (
            image.shape != batch[0].shape
            or len(batch) == CALL_IMAGES
            or (len(batch) + 1) * image.size > CALL_PIXELS
        )
        if full:
            yield np.stack(batch)
            batch = []
        batch.append(np.asarray(image, np.float32))
    if batch:
        yield np.stack(batch)
