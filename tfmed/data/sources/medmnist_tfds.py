"""The MedMNIST sets as builders of TensorFlow Datasets, for everybody who uses it.

    >>> import tensorflow_datasets as tfds, tfmed.data.sources.medmnist_tfds  # doctest: +SKIP
    >>> train = tfds.load("med_mnist/pneumoniamnist", split="train")  # doctest: +SKIP

A configuration is a set, `pathmnist` to `vesselmnist3d`, in its smallest size, or with `_64`,
`_128`, `_224` in a larger one. TFDS checks downloads by SHA-256, of which MedMNIST publishes
none: so tfmed fetches the archive (or finds it in `TFMED_DATA`), and checks the MD5 that MedMNIST
publishes, before a record is made. The splits are MedMNIST's own; some sets hold equal images in
two of them, which `tfmed.data.split` leaves out and a reader of the records has to look for.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from tfmed.data.sources import medmnist
from tfmed.data.sources.npz import header

SPLITS = {"train": "train", "validation": "val", "test": "test"}


def _configs() -> list[tfds.core.BuilderConfig]:
    found = []
    for name, facts in medmnist.sets().items():
        for size in facts["md5"]:
            title = name if size == medmnist.SMALLEST else f"{name}_{size}"
            length = " x ".join([size] * facts["dimensions"])
            about = f"{name}, {length}, {facts['task']}, {facts['licence']}"
            found.append(tfds.core.BuilderConfig(name=title, description=about))
    return found


class MedMnist(tfds.core.GeneratorBasedBuilder):
    """`med_mnist/SET[_SIZE]`: `image`, and `label` (with several labels, a list of them)."""

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES = {"2.0.0": "MedMNIST v2, the archives of Zenodo's record 10519652."}
    BUILDER_CONFIGS = _configs()

    def _info(self) -> Any:
        name, size = _set_and_size(self.builder_config.name)
        facts = medmnist.sets()[name]
        label = tfds.features.ClassLabel(names=facts["classes"])
        if _several(name):
            label = tfds.features.Sequence(label)
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"{self.builder_config.description}. From MedMNIST v2.",
            features=tfds.features.FeaturesDict({"image": _image(name, size), "label": label}),
            supervised_keys=("image", "label"),
            homepage="https://medmnist.com",
            citation=medmnist.CITATION,
            license=facts["licence"],
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        name, size = _set_and_size(self.builder_config.name)
        path = medmnist.locate(name, size)
        return {split: _examples(path, part, _several(name)) for split, part in SPLITS.items()}

    def _generate_examples(self) -> Any:
        raise NotImplementedError


def _set_and_size(config: str) -> tuple[str, str]:
    name, _, size = config.partition("_")
    return name, size or medmnist.SMALLEST


def _several(name: str) -> bool:
    return "multi-label" in medmnist.sets()[name]["task"]


def _image(name: str, size: str) -> Any:
    facts = medmnist.sets()[name]
    shape = (*[int(size)] * facts["dimensions"], facts["channels"])
    if len(shape) == 3:
        return tfds.features.Image(shape=shape, dtype=np.uint8, encoding_format="png")
    return tfds.features.Tensor(shape=shape, dtype=np.uint8, encoding=tfds.features.Encoding.ZLIB)


def _examples(path: Path, part: str, several: bool) -> Iterator[tuple[int, dict[str, Any]]]:
    with np.load(path, allow_pickle=False) as archive:
        labels = archive[f"{part}_labels"]
    for number, image in enumerate(_images(path, f"{part}_images.npy")):
        label = np.flatnonzero(labels[number]).tolist() if several else int(labels[number, 0])
        yield number, {"image": image if image.shape[-1] == 3 else image[..., None], "label": label}


def _images(path: Path, member: str) -> Iterator[np.ndarray]:
    """The images of an array in an npz one by one: the largest array has 13 GB."""
    with zipfile.ZipFile(path) as archive, archive.open(member) as file:
        (count, *shape), dtype = header(file)
        for _ in range(count):
            yield np.frombuffer(file.read(int(np.prod(shape)) * dtype.itemsize), dtype).reshape(
                shape
            )
