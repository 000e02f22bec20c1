"""The features of an exported data set, and the builder that writes its records."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tfmed
from tfmed import log
from tfmed.data.dataset import Dataset
from tfmed.data.tfds_example import Form
from tfmed.data.tfds_quiet import quiet
from tfmed.errors import DataError

VERSION = "1.0.0"


def prepare(
    dataset: Dataset,
    form: Form,
    splits: Mapping[str, Any],
    folder: Path,
    name: str,
    beam_options: Sequence[str] | None = None,
) -> None:
    """Write records and their description into a folder, as the version folder of TFDS.

    Args:
        dataset: for its name, licence, citation and homepage.
        form: of its examples.
        splits: keys and examples (from `tfds_example.encode`) of each split: an iterator, or a
            Beam transform.
        folder: is there, and empty.
        name: of the data set, as TFDS takes it.
        beam_options: flags of Beam's pipeline, or None without Beam.

    Raises:
        DataError: a split turned out to have no examples.
    """
    log.quiet_tensorflow()
    import tensorflow_datasets as tfds

    class Export(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
        """Writes the examples that it is given."""

        VERSION = tfds.core.Version(VERSION)

        def _info(self) -> Any:
            return tfds.core.DatasetInfo(
                builder=self,
                description=_description(dataset),
                features=_features(form),
                license=dataset.facts.get("licence"),
                citation=dataset.facts.get("citation"),
                homepage=dataset.facts.get("homepage"),
                supervised_keys=("image", "label") if form.classes else None,
            )

        def _split_generators(self, dl_manager: Any) -> Mapping[str, Any]:
            return splits

        def _generate_examples(self) -> Any:
            raise NotImplementedError

    Export.name = name
    options = None
    if beam_options is not None:
        from apache_beam.options.pipeline_options import PipelineOptions

        options = PipelineOptions(list(beam_options))
    with quiet():
        builder = Export(data_dir=folder)
        config = tfds.download.DownloadConfig(beam_options=options)
        try:
            builder.download_and_prepare(download_config=config)
        except (AssertionError, ValueError) as error:
            if "No examples were yielded" in str(error) or "should be >0" in str(error):
                raise DataError(f"no example of a part of {dataset.name} can be read") from error
            raise
    for file in Path(builder.data_dir).iterdir():
        file.rename(folder / file.name)
    shutil.rmtree(folder / name)
    shutil.rmtree(folder / "downloads", ignore_errors=True)  # TFDS makes it for any builder


def _features(form: Form) -> Any:
    """TFDS features of what `tfds_example.encode` gives."""
    from tensorflow_datasets import features

    rank = len(form.shape)
    if form.picture:
        image = features.Image(shape=form.shape, dtype=np.dtype(form.dtype), encoding_format="png")
    else:
        image = features.Tensor(
            shape=form.shape, dtype=np.dtype(form.dtype), encoding=features.Encoding.ZLIB
        )
        # Worker processes have compressed the values: one process would be slow at it.
        image.encode_example = _as_it_is
    found = {
        "image": image,
        "id": features.Text(doc="pseudonym"),
        "patient": features.Text(doc="pseudonym, or empty where no patient is known"),
        "spacing_mm": _exact((rank - 1,), "distance between pixel centres; NaN: not known"),
        "window": _exact((2,), "the file's display window, low and high; NaN: none"),
        "units": features.Text(doc="of the image's values, as HU; empty: shades of grey"),
        "modality": features.Text(doc="as in DICOM"),
    }
    if rank == 4:
        found["clip"] = features.Scalar(np.bool_, doc="whether the first axis is time")
        found["frame_rate_hz"] = features.Scalar(np.float32, doc="of a clip; NaN: not known")
    if form.multi_label:
        for name in ("label", "unknown"):
            found[name] = features.Sequence(features.ClassLabel(names=list(form.classes)))
    elif form.classes:
        found["label"] = features.ClassLabel(names=list(form.classes))
    return features.FeaturesDict(found)


def _exact(shape: tuple[int, ...], doc: str) -> Any:
    """A feature of float64 values, which TFRecord would keep as float32 were they no bytes."""
    from tensorflow_datasets import features

    return features.Tensor(shape=shape, dtype=np.float64, encoding=features.Encoding.BYTES, doc=doc)


def _as_it_is(value: Any) -> Any:
    return value


def _description(dataset: Dataset) -> str:
    return (
        f"{dataset.name}, {len(dataset)} examples, written by tfmed {tfmed.__version__}. Images "
        "are in modality units, without loss. id and patient are pseudonyms, keyed with a secret "
        "that was thrown away; what is burned into the pixels was not removed."
    )
