"""Makers of TFDS data sets, prepared at run time by builders of the tests' own."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import makers
from PIL import Image as PillowImage

from tfmed.data.tfds_quiet import quiet


def prepared(
    folder: Path,
    features: Mapping[str, Any],
    splits: Mapping[str, Sequence[Mapping[str, Any]]],
    file_format: str = "array_record",
    **about: Any,
) -> Path:
    """Write a TFDS data set `made/1.0.0` into a folder; `about` goes into its description."""
    import tensorflow_datasets as tfds

    class Made(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")
        name = "made"

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(dict(features)),
                disable_shuffling=True,
                **about,
            )

        def _split_generators(self, dl_manager):
            return {name: enumerate(examples) for name, examples in splits.items()}

        def _generate_examples(self):
            raise NotImplementedError

    with quiet():
        builder = Made(data_dir=folder)
        builder.download_and_prepare(file_format=file_format)
    return Path(builder.data_dir)


def read_back(folder: Path | str) -> dict[str, list[dict[str, Any]]]:
    """The examples of each split, as TFDS itself decodes them."""
    import tensorflow_datasets as tfds

    with quiet():
        builder = tfds.builder_from_directory(folder)
        return {
            split: list(tfds.as_numpy(builder.as_dataset(split=split)))
            for split in builder.info.splits
        }


def encoded(seed: int, kind: str = "PNG") -> bytes:
    """A small grey image file."""
    file = io.BytesIO()
    PillowImage.fromarray(makers.noise((8, 6), seed)).save(file, format=kind)
    return file.getvalue()


def pictures(count: int, start: int = 0, kind: str = "PNG") -> list[dict[str, Any]]:
    """Examples of `picture_features`: labels alternate, two images a patient."""
    numbers = range(start, start + count)
    return [
        {"image": encoded(i, kind), "label": i % 2, "patient_id": f"P{i // 2}"} for i in numbers
    ]


def picture_features() -> dict[str, Any]:
    """An image, one of two classes, a patient."""
    from tensorflow_datasets import features

    return {
        "image": features.Image(shape=(8, 6, 1)),
        "label": features.ClassLabel(names=["normal", "pneumonia"]),
        "patient_id": features.Text(),
    }
