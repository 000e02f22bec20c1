"""An export, loaded and asked: what TF Serving would answer, in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmed.data.case_reading import Case
from tfmed.errors import DataError, ExportError
from tfmed.export.release import verify_checksums, versions
from tfmed.export.segmenter import settings_of
from tfmed.export.signatures import BYTES, CLASSIFY, IMAGE, PATCHES
from tfmed.inference import Ensemble
from tfmed.training.segmentation import Segmenter
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
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of every probability."""
        return tuple(self.card["classes"])

    def predict(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Ask `serving_default`.

        Args:
            images: `[H, W, C]` or `[D, H, W, C]` each, or one array of them; any sizes,
                modality units, C 1 or 3 (brought to the channels of the card).

        Returns:
            probabilities float32 `[N, K]`.
        """
        given = self.card["input"]
        rank = len(given["size"]) + 1
        wrong = next((image.shape for image in images if np.ndim(image) != rank), None)
        if wrong is not None:
            raise DataError(f"the model takes images of rank {rank} with channels, not {wrong}")
        parts = [
            self.ask(IMAGE, image=match_channels(tf.constant(batch), given["channels"]))
            for batch in _batches(images)
        ]
        answers = [part["probabilities"] for part in parts]
        empty = np.zeros((0, len(self.card["classes"])), np.float32)
        return np.concatenate(answers) if answers else empty

    def predict_bytes(self, files: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Ask `serving_bytes`.

        Args:
            files: whole PNG or JPEG files.

        Returns:
            probabilities float32 `[N, K]`, NaN for a file that is not valid, and valid bool
            `[N]`.
        """
        answer = self.ask(BYTES, image_bytes=tf.constant(files, tf.string, (len(files),)))
        return answer["probabilities"], answer["valid"]

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

    @cached_property
    def segmenter(self) -> Segmenter:
        """What gives label maps of whole cases, as the run does: by the signature `patches`.

        Raises:
            DataError: it is no export of a segmenter.
        """
        if PATCHES not in self.signatures:
            raise DataError(f"{self.folder.name} is a model of {self.card['task']}, not of masks")
        module = self._module  # a signature alone does not keep its variables alive

        def network(patches: tf.Tensor) -> tf.Tensor:
            return module.signatures[PATCHES](patches=patches)["probabilities"]

        return Segmenter(
            Ensemble([network]),
            settings_of(self.card),
            tuple(self.card["inference"]["keep_largest"]),
        )

    def segment(self, pixels: np.ndarray, spacing_mm: Sequence[float] | None = None) -> np.ndarray:
        """The label map of one whole case, as the run gives it.

        Args:
            pixels: `[H, W, C]` or `[D, H, W, C]`, modality units, C 1 or 3 (brought to the
                channels of the card).
            spacing_mm: of a voxel along each axis; None where it is not known.

        Returns:
            uint8 `[H, W]` or `[D, H, W]`; the card's `classes` in order.

        Raises:
            DataError: no segmenter, or other axes than it takes.
            GeometryError: the spacing is not known, and the model has one.
        """
        channels = self.card["input"]["channels"]
        if pixels.shape[-1] != channels:
            pixels = match_channels(tf.constant(pixels, tf.float32), channels).numpy()
        spacing = None if spacing_mm is None else tuple(spacing_mm)
        return self.segmenter.label_map(Case(pixels, None, spacing, None, "", ""))

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
        if name not in self._module.signatures:
            raise DataError(
                f"{self.folder.name} has no signature {name}, only {', '.join(self.signatures)}: "
                "PNG and JPEG carry no volumes"
            )
        answer = self._module.signatures[name](**{k: tf.constant(v) for k, v in inputs.items()})
        return {key: value.numpy() for key, value in answer.items()}


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
