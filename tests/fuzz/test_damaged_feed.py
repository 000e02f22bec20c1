"""Damaged files among whole ones on their way to training: the rest is used, and used rightly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from fuzz import cases, corpus

from tfmed import data, feed, io
from tfmed.data.auditing import audit
from tfmed.data.dataset import index
from tfmed.errors import TfmedError
from tfmed.image import Image
from tfmed.transforms import Preprocessing, resample

SEED = 11
COUNT = 60


def read(path: Path) -> Image | None:
    try:
        return io.read(path)
    except TfmedError:
        return None


def whole_images(folder: Path, format_name: str, rank: int) -> list[Path]:
    """Some files that an audit keeps beside each other: images, or volumes."""
    written = []
    for number, source in enumerate(corpus.sources(format_name)[::-1]):
        path = folder / f"whole-{number}"
        path.write_bytes(source.data)
        image = read(path)
        if image is not None and image.pixels.ndim == rank and not image.clip:
            written.append(path)
    return written[:12]


@pytest.mark.parametrize(
    ("format_name", "rank"),
    [("dicom", 3), ("png", 3), ("jpeg", 3), ("tiff", 3), ("nifti", 4), ("nifti.gz", 4)],
)
def test_damage_costs_its_own_file_and_never_makes_other_pixels(
    tmp_path: Path, format_name: str, rank: int
) -> None:
    whole = whole_images(tmp_path, format_name, rank)
    damaged = []
    for number in range(COUNT):
        damaged.append(tmp_path / f"damaged-{number}")
        damaged[-1].write_bytes(cases.make(SEED, number, format_name).data)
    # As often as it takes for them to be the most: an audit keeps one rank.
    paths = [str(path) for path in [*damaged, *(whole * (1 + 2 * COUNT // len(whole)))]]
    columns = {"id": [str(number) for number in range(len(paths))], "path": paths}
    audited = audit(data.Dataset(index(columns), ("a",), "damaged"), workers=1)

    used, rejects = set(audited.table["path"]), dict(audited.rejects.itertuples(index=False))
    assert {str(path) for path in whole} <= used
    assert used | set(rejects) == set(paths)
    assert all(rejects.values())
    refused = {str(path) for path in damaged if read(path) is None}
    assert refused <= set(rejects)

    kept = audited.where(audited.table["path"].str.contains("damaged-"))
    size = (8, 9) if rank == 3 else (4, 8, 9)
    preprocessing = Preprocessing(size=size, channels=1)
    for path, image in zip(kept.table["path"], feed.read(kept, preprocessing, 0), strict=True):
        expected = resample(tf.constant(io.read(path).pixels)[tf.newaxis], preprocessing)[0]
        np.testing.assert_array_equal(image, expected)
