"""Small pictures of scans for people to look at, as JPEG: flat, three planes, or frames."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform
from PIL import Image as Picture

from tfmed.data import archives, pool
from tfmed.data.dataset import Dataset
from tfmed.errors import TfmedError
from tfmed.evaluation import fields
from tfmed.image import Image
from tfmed.io import read, read_series
from tfmed.io.display import display
from tfmed.io.frames import even_frames

SIDE, GAP = 144, 3
FRAMES = 4
MOST, MOST_VOLUMES, A_ROW = 48, 16, 6
JPEG_QUALITY = 85
# Of an array [slice, row, column]: downwards to the feet, the back, the patient's left, so that
# planes look as radiologists have them: front up, the patient's right on the left.
TOWARDS = ("I", "P", "L")


def choose(dataset: Dataset, seed: int = 0) -> dict[str, list[int]]:
    """Some examples of each class, drawn at random, each of another patient where there are some.

    Args:
        dataset: audited.
        seed: of the draw.

    Returns:
        Positions in the table by class, of no class under the name "".
    """
    table = dataset.table
    most = MOST_VOLUMES if (table["depth"] > 1).mean() > 0.5 else MOST
    each = max(2, most // max(len(dataset.classes), 1))
    # Two full rows, or one, or what there is room for.
    each = next((full for full in (2 * A_ROW, A_ROW) if full <= each), each)
    generator = np.random.default_rng(seed)
    patients = table["patient"].to_numpy()
    members = fields.truth(table, dataset) == 1
    chosen = {}
    for name in (*dataset.classes, "")[: max(most // each, 1)]:
        rows = np.flatnonzero(members[name] if name else ~members.any(axis=1))
        rows = generator.permutation(rows)
        turn = pd.Series(patients[rows]).groupby(patients[rows]).cumcount().to_numpy()
        chosen[name] = [int(row) for row in rows[np.argsort(turn, kind="stable")][:each]]
    return {name: rows for name, rows in chosen.items() if rows}


def pictures(dataset: Dataset, rows: Sequence[int]) -> dict[int, str]:
    """The pictures of some examples as data URIs; of one that cannot be read there is none.

    Files are read in worker processes; arrays of an archive in this one, where they lie already.

    Args:
        dataset: audited.
        rows: positions in its table.
    """
    records = dataset.table.iloc[list(rows)].to_dict("records")
    inside = [bool(record["member"]) for record in records]
    files = [record for record, archived in zip(records, inside, strict=True) if not archived]
    drawn = iter(pool.run(thumbnail, files, what="drawing thumbnails", unit="images"))
    found = [
        thumbnail(record) if archived else next(drawn)
        for record, archived in zip(records, inside, strict=True)
    ]
    return {
        int(row): "data:image/jpeg;base64," + base64.b64encode(one).decode("ascii")
        for row, one in zip(rows, found, strict=True)
        if isinstance(one, bytes)
    }


def thumbnail(record: Mapping[str, Any]) -> bytes | None:
    """One example as JPEG, or None where it cannot be read any more.

    Args:
        record: a row of an audited data set.
    """
    try:
        return jpeg(panes(_image(record)))
    except TfmedError:
        return None


def _image(record: Mapping[str, Any]) -> Image:
    if record["member"]:
        pixels = archives.images(record["path"], record["member"])[record["frame"]]
        return Image(pixels, bits=int(record["bits"]))
    files = record["files"]
    if files is not None and len(files) > 1:
        return read_series(list(files), on_geometry="ignore")
    return read(record["path"], frame=int(record["frame"]), sample=FRAMES)


def panes(image: Image) -> list[np.ndarray]:
    """What is drawn side by side: uint8 `[h, w, C]` each, of square pixels.

    An image is one pane; of a volume there are the middle planes, axial, coronal and sagittal; of
    a clip some evenly spaced frames.
    """
    known = image.spacing_mm is not None and min(image.spacing_mm) > 0
    spacing = np.array(image.spacing_mm if known else (1.0, 1.0, 1.0))
    if image.clip:
        image = replace(image, pixels=image.pixels[even_frames(len(image.pixels), FRAMES)])
    shown = display(image)
    if shown.ndim == 3:
        return [_fit(shown, spacing[-2:])]
    if image.clip:
        return [_fit(frame, spacing[-2:]) for frame in shown]
    shown, spacing = oriented(shown, spacing, image.affine)
    return [
        _fit(np.take(shown, shown.shape[axis] // 2, axis), np.delete(spacing, axis))
        for axis in range(3)
    ]


def jpeg(shown: Sequence[np.ndarray]) -> bytes:
    """Panes, uint8 `[h, w, C]` each, side by side in one JPEG."""
    width = sum(pane.shape[1] for pane in shown) + GAP * (len(shown) - 1)
    height = max(pane.shape[0] for pane in shown)
    canvas = Picture.new("RGB" if shown[0].shape[-1] == 3 else "L", (width, height))
    left = 0
    for pane in shown:
        own = Picture.fromarray(pane if pane.shape[-1] == 3 else pane[..., 0])
        canvas.paste(own, (left, (height - pane.shape[0]) // 2))
        left += pane.shape[1] + GAP
    out = io.BytesIO()
    canvas.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def oriented(
    pixels: np.ndarray, spacing: np.ndarray, affine: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """A volume with its axes as `TOWARDS`, and their spacing; as it lies where that is unknown."""
    turn = None if affine is None else io_orientation(affine)
    if turn is None or np.isnan(turn).any():
        return pixels, spacing
    turn = ornt_transform(turn, axcodes2ornt(TOWARDS))
    turned = np.empty(3)
    turned[turn[:, 0].astype(int)] = spacing
    return apply_orientation(pixels, turn), turned


def _fit(pane: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """A pane `[h, w, C]` of square pixels, its longer side `SIDE`."""
    length = np.array(pane.shape[:2]) * spacing
    height, width = np.maximum(np.rint(length * SIDE / length.max()).astype(int), 1)
    own = Picture.fromarray(pane if pane.shape[-1] == 3 else pane[..., 0])
    fitted = np.asarray(own.resize((int(width), int(height)), Picture.Resampling.LANCZOS))
    return fitted if fitted.ndim == 3 else fitted[..., None]
