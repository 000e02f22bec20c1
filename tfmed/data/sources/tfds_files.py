"""TFDS records turned, once, into plain files with a table of labels.

The folder has a file an example and a table a block of examples, which comes after its files:
so a killed conversion goes on after the last whole block, and holds one example at a time.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image as PillowImage

from tfmed import log
from tfmed.data.sources.tfds_features import (
    CLIP,
    FRAME_RATE,
    PICTURE_TYPES,
    SPACING,
    TEXTS,
    Roles,
    label_of,
)
from tfmed.errors import DataError
from tfmed.run import write_aside, write_text

ABOUT = "about.json"
BLOCK = 1000
ENDINGS = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"BM": ".bmp"}
NIFTI_TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


def convert(
    builder: Any, found: Roles, parts: Mapping[str, str], facts: Mapping[str, str], folder: Path
) -> None:
    """Write the examples of a prepared TFDS data set into a folder, which appears when whole.

    Image files stay as they are; tensors become PNG (8 bits, grey 16 bits), NIfTI (clips, and
    where the spacing is known) or NPY.

    Args:
        builder: of TFDS, prepared.
        found: what its features mean.
        parts: its splits, and the part that each one is.
        facts: of the data set, which are kept with the files.
        folder: is not there yet; its parent is made.

    Raises:
        DataError: the records are damaged, or the folder cannot be written.
    """
    aside = folder.with_name(f".{folder.name}.part")
    try:
        aside.mkdir(parents=True, exist_ok=True)
        with (aside / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another process at the same work is waited for
            if folder.exists():
                shutil.rmtree(aside, ignore_errors=True)
                return
            _write_splits(builder, found, list(parts), aside)
            write_text(aside / ABOUT, json.dumps({"facts": facts, "parts": parts}))
            os.replace(aside, folder)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written ({error.strerror or error}): set TFMED_DATA to another "
            "folder, or make room; what is done so far is kept"
        ) from error


def table(folder: Path) -> pd.DataFrame:
    """The examples of a converted folder, in order.

    Returns:
        Columns `path` (absolute), `label`, `unknown`, `patient`, `name` (each "" or None where
        there is none), `split` (of TFDS), and `modality` and `units` where features tell them.
    """
    blocks = [pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))]
    found = pd.concat(blocks, ignore_index=True)
    label = found["label"].astype(object)
    return found.assign(
        path=str(folder) + "/" + found["path"], label=label.where(label.notna(), None)
    )


def _write_splits(builder: Any, found: Roles, splits: list[str], folder: Path) -> None:
    counts = {split: builder.info.splits[split].num_examples for split in splits}
    name = builder.info.full_name
    with log.progress(None, sum(counts.values()), f"converting {name}", "examples") as bar:
        for order, (split, count) in enumerate(counts.items()):
            tables = [folder / f"{order}-{i:06d}.parquet" for i in range(-(-count // BLOCK))]
            done = next((i for i, path in enumerate(tables) if not path.exists()), len(tables))
            bar.advance(min(count, done * BLOCK))
            if done == len(tables):
                continue
            examples = _examples(builder, found, split, done * BLOCK)
            for number, path in enumerate(tables[done:], done):
                inside = folder / split / f"{number:06d}"
                inside.mkdir(parents=True, exist_ok=True)
                rows = []
                for place in range(number * BLOCK, min(count, (number + 1) * BLOCK)):
                    rows.append(_row(next(examples), found, split, inside / f"{place:09d}", folder))
                    bar.advance()
                write_aside(path, pd.DataFrame(rows).to_parquet)


def _examples(builder: Any, found: Roles, split: str, start: int) -> Iterator[Mapping[str, Any]]:
    """The examples of a split from one on, in the order of the records.

    Raises:
        DataError: a record is damaged, or records are missing.
    """
    import tensorflow_datasets as tfds

    part = f"{split}[{start}:]" if start else split
    skip = {found.image: tfds.decode.SkipDecoding()} if found.encoded else {}
    try:
        if builder.info.file_format in tfds.core.FileFormat.with_tf_data():
            log.quiet_tensorflow()
            wanted = tfds.decode.PartialDecoding(set(found.used), decoders=skip)
            # One file after the other, so that "from one on" means the same each time.
            order = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
            yield from tfds.as_numpy(
                builder.as_dataset(
                    split=part, shuffle_files=False, decoders=wanted, read_config=order
                )
            )
        else:  # records with random access, for which TensorFlow is not needed
            yield from builder.as_data_source(split=part, decoders=skip)
    except Exception as error:  # TensorFlow's, protobuf's and the decoders' own
        raise DataError(
            f"the records of {builder.info.full_name} in {builder.data_dir} cannot be read "
            f"({type(error).__name__}); have them prepared again"
        ) from error
    raise DataError(
        f"{builder.info.full_name} has fewer examples in {split!r} than its description says"
    )


def _row(
    example: Mapping[str, Any], found: Roles, split: str, stem: Path, folder: Path
) -> dict[str, Any]:
    """Write the file of an example, and tell its row of the table."""
    label, unknown = label_of(example, found)
    value = example[found.image]
    path = _write_bytes(stem, value) if found.encoded else _write_array(stem, example, found)
    return {
        "path": path.relative_to(folder).as_posix(),
        "label": label,
        "unknown": unknown,
        "patient": _text(example, found.patient),
        "name": _text(example, found.name),
        "split": split,
        **{name: _text(example, name) for name in TEXTS if name in found.others},
    }


def _text(example: Mapping[str, Any], name: str | None) -> str:
    value = "" if name is None else example[name]
    if isinstance(value, np.generic | np.ndarray):
        value = value.item()
    return value.decode("utf-8", "replace").strip() if isinstance(value, bytes) else str(value)


def _write_bytes(stem: Path, content: bytes) -> Path:
    ending = next((end for start, end in ENDINGS.items() if content.startswith(start)), ".img")
    path = stem.with_suffix(ending)
    path.write_bytes(content)
    return path


def _write_array(stem: Path, example: Mapping[str, Any], found: Roles) -> Path:
    pixels = _with_channels(np.asarray(example[found.image]), found.image)
    clip = pixels.ndim == 4 and (found.clip or bool(example.get(CLIP, False)))
    spacing = [float(one) for one in example.get(SPACING, ())]
    spaced = len(spacing) >= 2 and all(one > 0 for one in spacing[-2:])
    colour = pixels.shape[-1] == 3
    kind = pixels.dtype.name
    if (clip or spaced) and kind in (("uint8",) if colour else NIFTI_TYPES):
        rate = float(example.get(FRAME_RATE, 0.0))
        return _write_nifti(stem.with_suffix(".nii"), pixels, spacing if spaced else [], clip, rate)
    if pixels.ndim == 3 and kind in (PICTURE_TYPES[:1] if colour else PICTURE_TYPES):
        path = stem.with_suffix(".png")
        PillowImage.fromarray(pixels if colour else pixels[..., 0]).save(path)
        return path
    path = stem.with_suffix(".npy")
    np.save(path, pixels)
    return path


def _with_channels(pixels: np.ndarray, feature: str) -> np.ndarray:
    """`[H, W, C]` or `[D, H, W, C]` of a tensor with or without an axis of channels."""
    if pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[-1] not in (1, 3)):
        pixels = pixels[..., np.newaxis]
    if pixels.ndim not in (3, 4) or pixels.shape[-1] not in (1, 3):
        raise DataError(
            f"feature {feature!r} has shape {pixels.shape}; expected [H, W], [D, H, W] or these "
            "with 1 or 3 channels"
        )
    return pixels


def _write_nifti(
    path: Path, pixels: np.ndarray, spacing: list[float], clip: bool, rate_hz: float
) -> Path:
    """Write as NIfTI, whose axes run the other way round; a clip has one slice and time."""
    import nibabel

    if pixels.shape[-1] == 3:
        packed = np.ascontiguousarray(pixels).view([("R", "u1"), ("G", "u1"), ("B", "u1")])
        pixels = packed
    values = pixels[..., 0].T  # x, y, then slices or times
    if clip:
        values = values[:, :, np.newaxis]
    x_mm, y_mm, z_mm = [*reversed(spacing), 1.0, 1.0, 1.0][:3]
    image = nibabel.Nifti1Image(values, np.diag([x_mm, y_mm, z_mm if z_mm > 0 else 1.0, 1.0]))
    image.header.set_xyzt_units("mm", "sec")
    if clip and values.ndim == 4:
        image.header["pixdim"][4] = 1 / rate_hz if rate_hz > 0 else 0
    nibabel.save(image, path)
    return path
