"""Read every example once: what cannot be used becomes a reject, the rest gets its facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tfmed.data import leakage, npz, pool
from tfmed.data.dataset import Dataset, places
from tfmed.data.measured import (
    COLUMNS,
    CONSTANT,
    LOWER_PERCENT,
    NOT_FINITE,
    UPPER_PERCENT,
    digest,
    measure,
)
from tfmed.errors import DataError

BLOCK_VALUES = 20_000_000  # pixels of an archive measured at a time
SHOWN = 5
FROM_HEADER = ("patient", "study", "series")


def audit(dataset: Dataset, workers: int | None = None) -> Dataset:
    """The data set with a reject for what cannot be used, and what the pixels told of the rest.

    Every file is read once, in worker processes; a crash of one costs the file that it was
    on. Images with NaN or infinite values, images of one value, and volumes among images (or
    the reverse) are rejects.

    Args:
        dataset: as a source opened it.
        workers: processes; None for one a core, 0 for none.

    Returns:
        The data set with these columns added: `format`, `height`, `width`, `depth` (1 for an
        image), `channels` (1 or 3), `bits`, `dtype` (as read), `modality`, `units`,
        `photometric`, `manufacturer`, `transfer_syntax`, `slope`, `intercept`, `signed`, `inverted`,
        `pixel_offset` (of values that lie in the file as they are, or -1), `row_spacing_mm`,
        `column_spacing_mm`, `window_low`, `window_high`, and of the pixels in modality units
        `minimum`, `maximum`, `p005` and `p995` (the 0.5th and 99.5th percentile), `mean`,
        `std` and `digest` (equal for equal images). Where no table column named the patient,
        `patient` is the header's Patient ID, else the example's own id.

    Raises:
        DataError: nothing is left.
    """
    inside = (dataset.table["member"] != "").to_numpy()
    found: list[dict[str, Any] | str] = [""] * len(dataset)
    for rows, measured in (
        (np.flatnonzero(inside), _measure_archives(dataset.table[inside])),
        (np.flatnonzero(~inside), _measure_files(dataset.table[~inside], workers)),
    ):
        for row, one in zip(rows, measured, strict=True):
            found[row] = one
    good = np.array([not isinstance(one, str) for one in found], dtype=bool)
    lost = zip(places(dataset.table), found, strict=True)
    rejects = [(place, reason) for place, reason in lost if isinstance(reason, str)]
    audited = dataset.where(pd.Series(good, index=dataset.table.index)).with_rejects(rejects)
    if not good.any():
        every = list(audited.rejects.itertuples(index=False, name=None))
        raise DataError(
            f"none of the {len(every)} files of {dataset.name} can be used: {_shown(every)}"
        )
    table = _with_columns(audited.table, [one for one in found if isinstance(one, dict)])
    audited = _one_rank(audited.with_table(table))
    return audited.with_facts(**_mixture(audited.table))


def limit_rejects(dataset: Dataset, share: float) -> None:
    """Stop when more than a share of the files cannot be used.

    Images that a split has left out because they come again are whole, and do not count.

    Raises:
        DataError: more than `share` (0 to 1) of examples and rejects together are rejects.
    """
    again = dataset.rejects["reason"].str.startswith(leakage.TWIN)
    rows = list(dataset.rejects[~again].itertuples(index=False, name=None))
    whole = len(dataset) + len(dataset.rejects)
    if len(rows) > share * whole:
        raise DataError(
            f"{len(rows)} of {whole} files cannot be used, more than the {share:.0%} that "
            f"--max-rejects allows: {_shown(rows)}. rejects.csv lists them all; mend them, or "
            "allow a greater share"
        )


def _shown(rejects: Sequence[tuple[str, str]]) -> str:
    more = "; ..." if len(rejects) > SHOWN else ""
    return "; ".join(f"{path}: {reason}" for path, reason in rejects[:SHOWN]) + more


def _measure_files(table: pd.DataFrame, workers: int | None) -> list[dict[str, Any] | str]:
    examples = table[["path", "files", "frame"]].to_dict("records")
    found = pool.run(measure, examples, workers=workers, what="reading", unit="files")
    return [one.reason if isinstance(one, pool.Crash) else one for one in found]


def _measure_archives(table: pd.DataFrame) -> list[dict[str, Any] | str]:
    found: dict[Any, dict[str, Any] | str] = {}
    for (path, member), rows in table.groupby(["path", "member"], sort=False):
        images = npz.images(path, member)
        step = max(1, BLOCK_VALUES // max(1, images[0].size))
        for start in range(0, len(rows), step):
            block = rows.iloc[start : start + step]
            measured = _measure_block(images[block["frame"].to_numpy()])
            found.update(zip(block.index, measured, strict=True))
    return [found[index] for index in table.index]


def _measure_block(images: np.ndarray) -> list[dict[str, Any] | str]:
    """`measure` for `[N, H, W, C]` or `[N, D, H, W, C]`, all images at once."""
    flat = images.reshape(len(images), -1)
    finite = np.isfinite(flat).all(axis=1) if images.dtype.kind == "f" else np.ones(len(flat), bool)
    with np.errstate(invalid="ignore", over="ignore"):
        low, high = np.percentile(flat, (LOWER_PERCENT, UPPER_PERCENT), axis=1)
        numbers = {
            "minimum": flat.min(axis=1).astype(float),
            "maximum": flat.max(axis=1).astype(float),
            "p005": low,
            "p995": high,
            "mean": flat.mean(axis=1, dtype=np.float64),
            "std": flat.std(axis=1, dtype=np.float64),
        }
    depth, height, width, channels = (1, *images.shape[1:])[-4:]
    shared = {
        "format": "npz",
        "depth": depth,
        "height": height,
        "width": width,
        "channels": channels,
        "bits": images.dtype.itemsize * 8,
        "dtype": images.dtype.name,
    }
    measured: list[dict[str, Any] | str] = []
    for row, image in enumerate(images):
        own = {name: float(values[row]) for name, values in numbers.items()}
        if not finite[row]:
            measured.append(NOT_FINITE)
        elif own["minimum"] == own["maximum"]:
            measured.append(CONSTANT)
        else:
            measured.append({**shared, **own, "digest": digest(image)})
    return measured


def _with_columns(table: pd.DataFrame, found: list[dict[str, Any]]) -> pd.DataFrame:
    added = {
        name: pd.Series([one.get(name, default) for one in found], dtype=_dtype(default))
        for name, default in COLUMNS.items()
    }
    table = table.assign(**added)
    header = {name: pd.Series([one.get(name, "") for one in found]) for name in FROM_HEADER}
    for name in ("study", "series"):
        table[name] = table[name].where(table[name] != "", header[name])
    told = ~table["patient_known"] & (header["patient"] != "")
    table["patient"] = table["patient"].where(~told, header["patient"])
    table["patient_known"] |= told
    own = ~table["patient_known"]
    table["patient"] = table["patient"].where(~own, table["id"])
    return table


def _dtype(default: object) -> str:
    kinds = {bool: "bool", int: "int64", float: "float64", str: "str"}
    return kinds[type(default)]


def _one_rank(dataset: Dataset) -> Dataset:
    """Leave out volumes among images, or images among volumes: a network takes one of them."""
    volume = dataset.table["depth"] > 1
    if volume.all() or not volume.any():
        return dataset
    if volume.mean() > 0.5:
        return dataset.without(~volume, "is one image, most of the data are volumes")
    return dataset.without(volume, "is a volume of several frames, most of the data are images")


def _mixture(table: pd.DataFrame) -> dict[str, Any]:
    """Facts of what is mixed in the data: a report warns of them."""
    names = {"modality": "modalities", "units": "units", "channels": "channels"}
    found = {}
    for column, name in names.items():
        counts = table[column].replace("", "unknown") if column != "channels" else table[column]
        times = counts.value_counts()
        if len(times) > 1:
            found[f"mixed_{name}"] = {str(key): int(count) for key, count in times.items()}
    return found
