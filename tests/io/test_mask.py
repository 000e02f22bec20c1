"""Label maps out of files, beyond what `tests/measure/test_masks.py` reads."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pytest
from PIL import Image as Pillow

from tfmed.errors import ReadError
from tfmed.io import mask

LABELS = np.array([[0, 1, 1, 0], [0, 2, 2, 0], [0, 0, 7, 7]], np.uint8)


def test_a_palette_is_told_from_grey(tmp_path: Path) -> None:
    picture = Pillow.fromarray(LABELS)
    picture.save(tmp_path / "grey.png")
    picture.putpalette([n * 37 % 256 for n in range(768)])
    picture.save(tmp_path / "palette.png")
    for name, palette in (("grey", False), ("palette", True)):
        found = mask.read(tmp_path / f"{name}.png")
        assert found.palette is palette
        np.testing.assert_array_equal(found.labels, LABELS)


def test_grey_stored_as_colour_is_grey(tmp_path: Path) -> None:
    for mode in ("RGB", "RGBA"):
        Pillow.fromarray(LABELS).convert(mode).save(tmp_path / f"{mode}.png")
        np.testing.assert_array_equal(mask.read(tmp_path / f"{mode}.png").labels, LABELS)


def test_lossy_formats_are_refused(tmp_path: Path) -> None:
    makers.raster(tmp_path / "a.jpg", makers.noise((8, 8)))
    with pytest.raises(ReadError, match="a mask is expected as NIfTI, PNG, TIFF, BMP or NPY"):
        mask.read(tmp_path / "a.jpg")
