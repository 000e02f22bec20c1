"""Makers of NIfTI files through nibabel, of any orientation and with any header."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import makers
import nibabel
import numpy as np

SPACING = (0.5, 2.0, 3.5)
TURNS = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def affine_of(order: tuple[int, ...], signs: tuple[int, ...]) -> np.ndarray:
    """Stored axis `order[n]` runs along the patient's axis n, one way or the other."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (stored, sign) in enumerate(zip(order, signs, strict=True)):
        affine[axis, stored] = sign * SPACING[stored]
    affine[:3, 3] = (-10.0, 20.0, 30.0)
    return affine


def save(path: Path, values: np.ndarray, affine: np.ndarray | None = None, **fields: Any) -> Path:
    """Write by nibabel; `fields` are set in the file's header afterwards, byte for byte."""
    kind = fields.pop("kind", nibabel.Nifti1Image)
    order = fields.pop("order", "<")
    header = kind.header_class(endianness=order)
    image = kind(values, np.eye(4) if affine is None else affine, header, dtype=values.dtype)
    for name in ("xyzt_units", "pixdim"):
        if name in fields:
            image.header[name] = fields.pop(name)
    nibabel.save(image, path)
    return edit(path, header, **fields) if fields else path


def edit(path: Path, kind: Any, **fields: Any) -> Path:
    """Set fields of an uncompressed file's header."""
    data = path.read_bytes()
    header = type(kind)(data[: kind.sizeof_hdr], endianness=kind.endianness, check=False)
    for name, value in fields.items():
        header[name] = value
    path.write_bytes(header.binaryblock + data[kind.sizeof_hdr :])
    return path


def voxels(shape: tuple[int, ...] = (4, 5, 6), kind: str = "int16") -> np.ndarray:
    return makers.noise(shape, 3, 0, 200, kind)
