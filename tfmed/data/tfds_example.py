"""One example of a data set as it goes into a TFDS record; no TFDS and no TensorFlow in it.

It runs in worker processes, so the costly steps (decoding, compressing) are done here.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from tfmed.data import archives
from tfmed.data.dataset import JOIN
from tfmed.errors import TfmedError
from tfmed.image import Image
from tfmed.io import read, read_series

CHANGED = "it is not the image that the audit saw"
PSEUDONYM_LETTERS = 32


@dataclass(frozen=True)
class Form:
    """What all examples of a written data set have in common.

    Attributes:
        shape: of an image, `[H, W, C]` or `[D, H, W, C]`; None where it is not one number.
        dtype: NumPy's name of the one dtype that holds every image exactly.
        classes: names, in the order of the label numbers.
        multi_label: whether an example may have several classes, or none.
        salt: the secret of this one export, from which pseudonyms are made.
    """

    shape: tuple[int | None, ...]
    dtype: str
    classes: tuple[str, ...]
    multi_label: bool
    salt: bytes

    @property
    def picture(self) -> bool:
        """Whether PNG holds the images: grey or colour in 8 bits, grey in 16."""
        return (len(self.shape), self.shape[-1], self.dtype) in (
            (3, 1, "uint8"),
            (3, 3, "uint8"),
            (3, 1, "uint16"),
        )


def encode(row: Mapping[str, Any], form: Form) -> dict[str, Any] | str:
    """The features of one row of a data set's table, or the reason why it cannot be read.

    Args:
        row: `id`, `path`, `files`, `member`, `frame`, `patient`, `patient_known`, `label` and
            `unknown` of a data set's table.
        form: of the data set.

    Returns:
        `image` encoded as its feature stores it (PNG; or compressed values, with their shape
        where it is not fixed), and the other features as plain values.
    """
    try:
        image = _read(row)
    except TfmedError as error:
        return getattr(error, "reason", str(error))
    except MemoryError:
        return "it asks for more memory than there is"
    pixels = image.pixels
    if pixels.ndim == 3 and len(form.shape) == 4:
        pixels = pixels[np.newaxis]
    fits = len(pixels.shape) == len(form.shape) and all(
        want in (None, got) for want, got in zip(form.shape, pixels.shape, strict=True)
    )
    if not fits or not np.can_cast(pixels.dtype, form.dtype):
        return CHANGED
    return {
        "image": _packed(pixels.astype(form.dtype), form),
        "id": pseudonym("id", row["id"], form.salt),
        "patient": pseudonym("patient", row["patient"], form.salt) if row["patient_known"] else "",
        **_label(row, form),
        **_about(image, pixels.ndim),
    }


def pseudonym(kind: str, text: str, salt: bytes) -> str:
    """A name that is the same for the same text and tells nothing of it without the salt.

    HMAC-SHA-256, the first 128 bits in hex. A plain hash could be looked up: there are few
    enough hospital numbers to hash them all.
    """
    made = hmac.new(salt, f"{kind}\0{text}".encode(), hashlib.sha256)
    return made.hexdigest()[:PSEUDONYM_LETTERS]


def _read(row: Mapping[str, Any]) -> Image:
    if row["member"]:
        pixels = archives.images(row["path"], row["member"])[int(row["frame"])]
        return Image(pixels, bits=8 * pixels.dtype.itemsize)
    files = row["files"]
    if files is not None and len(files) > 1:
        return read_series(list(files), on_geometry="ignore")
    return read(row["path"], frame=int(row["frame"]))


def _packed(pixels: np.ndarray, form: Form) -> Any:
    if form.picture:
        file = io.BytesIO()
        plane = pixels if pixels.shape[-1] == 3 else pixels[..., 0]
        PillowImage.fromarray(plane).save(file, format="PNG")
        return file.getvalue()
    values = zlib.compress(np.ascontiguousarray(pixels).tobytes())
    return {"value": values, "shape": pixels.shape} if form.shape.count(None) > 1 else values


def _label(row: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """Class numbers; an unknown single label is -1, as TFDS has it."""
    if not form.classes:
        return {}
    number = {name: i for i, name in enumerate(form.classes)}
    label = row["label"] if isinstance(row["label"], str) else None
    if not form.multi_label:
        return {"label": -1 if label is None else number[label]}
    unknown = JOIN.join(form.classes) if label is None else row["unknown"]
    return {
        "label": [number[name] for name in (label or "").split(JOIN) if name],
        "unknown": [number[name] for name in unknown.split(JOIN) if name],
    }


def _about(image: Image, rank: int) -> dict[str, Any]:
    axes = rank - 1
    spacing = image.spacing_mm if image.spacing_mm and len(image.spacing_mm) <= axes else ()
    known = [np.nan] * (axes - len(spacing)) + list(spacing)
    about = {
        "spacing_mm": np.array(known, np.float64),
        "window": np.array(image.window or (np.nan, np.nan), np.float64),
        "units": image.units,
        "modality": image.modality,
    }
    if rank == 4:
        about["clip"] = image.clip
        about["frame_rate_hz"] = np.float32(image.frame_rate_hz or np.nan)
    return about
