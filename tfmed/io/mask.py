"""Label maps out of files: NIfTI, PNG, TIFF, BMP or NPY, as whole numbers; 0 is background."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image as Pillow

from tfmed.errors import ReadError
from tfmed.image import Image
from tfmed.io.formats import sniff
from tfmed.io.reading import read as read_image

FORMATS = ("nifti", "png", "tiff", "bmp", "npy")
PALETTE, TIFF_PALETTE = "P", 3


@dataclass(frozen=True, eq=False)
class LabelMap:
    """The labels of one file, and where they lie.

    Attributes:
        labels: unsigned integers `[H, W]` or `[D, H, W]`.
        spacing_mm: `(row, column)` or `(slice, row, column)`, or None where the file tells none.
        affine: float64 `[4, 4]` from `(slice, row, column, 1)` to RAS+ mm, or None.
        palette: whether the labels are the indices of colours.
    """

    labels: np.ndarray
    spacing_mm: tuple[float, ...] | None
    affine: np.ndarray | None
    palette: bool


def read(path: str | Path) -> LabelMap:
    """Read a label map; volumes are turned to RAS+ as images are.

    Of a palette the indices are the labels, not the colours. 0 and 255 stay 0 and 255, one bit
    becomes 0 and 255, and grey stored as three equal channels is grey.

    Raises:
        ReadError: it cannot be read, is of a lossy format, a colour picture or a clip, or holds
            numbers that are no labels.
    """
    kind = sniff(path)
    if kind not in FORMATS:
        raise ReadError(path, f"a mask is expected as NIfTI, PNG, TIFF, BMP or NPY, not {kind}")
    image = read_image(path)
    if image.clip:
        raise ReadError(path, "it has a time axis; a mask is expected as an image or a volume")
    if image.pixels.size == 0:
        raise ReadError(path, "it has no pixels")
    indices = _indices(path, kind) if image.channels > 1 else None
    pixels = _grey(path, image) if indices is None else indices
    return LabelMap(_whole(path, pixels), image.spacing_mm, image.affine, indices is not None)


def _indices(path: str | Path, kind: str) -> np.ndarray | None:
    """The palette's indices, which readers of images turn into colours, or None."""
    if kind == "tiff":
        with tifffile.TiffFile(path) as file:
            if all(int(page.photometric or 0) == TIFF_PALETTE for page in file.pages):  # type: ignore[union-attr]
                return np.squeeze(np.stack([page.asarray() for page in file.pages]))
    elif kind in ("png", "bmp"):
        with Pillow.open(path, formats=(kind.upper(),)) as picture:
            if picture.mode == PALETTE:
                return np.asarray(picture)
    return None


def _grey(path: str | Path, image: Image) -> np.ndarray:
    first = image.pixels[..., 0]
    if not all(np.array_equal(first, image.pixels[..., n]) for n in range(1, image.channels)):
        raise ReadError(path, "a colour picture; labels are expected as grey values or a palette")
    return first


def _whole(path: str | Path, pixels: np.ndarray) -> np.ndarray:
    """Labels as the smallest unsigned integers that hold them."""
    least, most = float(pixels.min()), float(pixels.max())
    if least < 0:
        raise ReadError(path, f"it holds {least:g}; labels are whole numbers from 0 up")
    if pixels.dtype.kind == "f" and not np.array_equal(pixels, np.rint(pixels)):
        raise ReadError(path, "it holds fractions (probabilities?); labels are whole numbers")
    return pixels.astype(np.min_scalar_type(int(most)))
