"""Label maps to files beside the images that they are of: NIfTI and PNG.

What is written reads back through `tfmed.io.read` as the very map, on the grid of its image.
Headers are made anew, with the geometry alone: texts of a source's header may name a patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from tfmed.errors import GeometryError
from tfmed.io.nifti_header import read_header
from tfmed.run import write_aside

# Fields of nifti1.h that place voxels in the patient; NIfTI-2 has them too.
GEOMETRY = (
    "pixdim", "qform_code", "quatern_b", "quatern_c", "quatern_d",
    "qoffset_x", "qoffset_y", "qoffset_z", "sform_code", "srow_x", "srow_y", "srow_z",
)  # fmt: skip
SPACE = 7  # the bits of xyzt_units that tell lengths
UNKNOWN, MM = 0, 2  # of xyzt_units
SCANNER = 1  # of an sform's code


def write_nifti(
    path: Path,
    labels: np.ndarray,
    *,
    source: Path | None = None,
    spacing_mm: Sequence[float] | None = None,
    affine: np.ndarray | None = None,
) -> None:
    """Write a label map as NIfTI-1, gzipped.

    Args:
        path: ends with `.nii.gz`.
        labels: unsigned integers `[D, H, W]`, or `[H, W]` of one slice, as `tfmed.io.read` turns
            volumes: RAS+ where they are of NIfTI.
        source: the NIfTI file of the image, whose stored order of axes, spacing, sform and qform
            the map gets.
        spacing_mm: without a source, `(slice, row, column)`; None where it is not known.
        affine: without a source, from `(slice, row, column, 1)` to mm in RAS+; None where it is
            not known.

    Raises:
        GeometryError: the map has another shape than its source.
        ReadError: the source's header cannot be read any more.
    """
    import nibabel

    volume = labels if labels.ndim == 3 else labels[np.newaxis]
    volume = volume.astype(np.uint16 if volume.max(initial=0) > 255 else np.uint8)
    if source is None:
        stored, header = _placed(volume, spacing_mm, affine)
    else:
        stored, header = _like(source, volume)
    header.set_data_dtype(volume.dtype)
    # Without an affine of its own nibabel keeps the header's sform, qform and their codes.
    image = nibabel.Nifti1Image(stored, None, header)

    def write(aside: Path) -> None:
        aside.write_bytes(_gzipped(image.to_bytes()))

    write_aside(path, write)


def _like(source: Path, volume: np.ndarray) -> tuple[np.ndarray, Any]:
    """The volume in the axes in which a file stores its voxels, and a header of its geometry."""
    import nibabel

    found = read_header(source)
    if volume.shape != found.size:
        raise GeometryError(
            f"{source.name}: its volume is {found.size}, its mask's shape {volume.shape}"
        )
    turned = np.flip(volume, found.flips)
    stored = turned.transpose(np.argsort(found.order)).T
    given: Any = nibabel.load(source).header
    header = nibabel.Nifti1Header()
    header.set_data_shape(stored.shape)
    for name in GEOMETRY:
        header[name] = given[name]
    header["pixdim"][4:] = 0
    header["xyzt_units"] = int(given["xyzt_units"]) & SPACE
    return stored, header


def _placed(
    volume: np.ndarray, spacing_mm: Sequence[float] | None, affine: np.ndarray | None
) -> tuple[np.ndarray, Any]:
    """The volume as `[column, row, slice]`, and a header of what is known of its place."""
    import nibabel

    stored, header = volume.T, nibabel.Nifti1Header()
    header.set_data_shape(stored.shape)
    if spacing_mm is not None:
        # Of a single image the slice's thickness is not known.
        header.set_zooms((*spacing_mm[::-1], 1.0)[: stored.ndim])
    header["xyzt_units"] = UNKNOWN if spacing_mm is None else MM
    if affine is None:
        # With neither sform nor qform the first axis points left (nifti1.h, method 1).
        return stored[::-1], header
    header.set_sform(affine[:, [2, 1, 0, 3]], SCANNER)
    return stored, header


def _gzipped(content: bytes) -> bytes:
    """Without the name and time of day, so that equal masks are equal files."""
    import gzip

    return gzip.compress(content, compresslevel=6, mtime=0)


def write_png(path: Path, labels: np.ndarray, *, palette: Path | None = None) -> None:
    """Write a label map as PNG: grey of 8 or 16 bits, or with a palette.

    Args:
        path: ends with `.png`.
        labels: unsigned integers `[H, W]`.
        palette: a PNG, TIFF or BMP with a palette, whose colours the indices get.
    """
    wide = labels.max(initial=0) > 255
    picture = Pillow.fromarray(labels.astype(np.uint16 if wide else np.uint8))
    if palette is not None and not wide:
        with Pillow.open(palette) as given:
            colours = given.getpalette()
        if colours:
            picture = Pillow.fromarray(labels.astype(np.uint8), "P")
            picture.putpalette(colours)
    write_aside(path, lambda aside: picture.save(aside, "PNG"))
