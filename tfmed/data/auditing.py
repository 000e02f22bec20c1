"""Read every example once: what cannot be used becomes a reject, the rest gets its facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tfmed import log
from tfmed.data import archives, headers, known, leakage, pool
from tfmed.data import truth as truths
from tfmed.data.dataset import Dataset, places
from tfmed.data.examined import COLUMNS, measure, of_image, passes
from tfmed.data.looked import look
from tfmed.data.truth.known_truth import REASON, Beside
from tfmed.errors import DataError
from tfmed.image import Image

SHOWN = 5
FEW = 8  # files below which processes would take longer to start than to work
KINDS = {
    "image": "one image",
    "volume": "a volume of several slices",
    "clip": "a clip of frames in time",
}
FROM_HEADER = ("patient", "study", "series")
TOLD_BY_SOURCE = ("modality", "units")  # kept where the files themselves say nothing
ABOUT: dict[str, Any] = {**COLUMNS, **dict.fromkeys(FROM_HEADER, ""), "reason": ""}
_TYPES = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
SCHEMA = pa.schema([(name, _TYPES[type(value)]) for name, value in ABOUT.items()])


def audit(dataset: Dataset, workers: int | None = None, pixels: bool = True) -> Dataset:
    """The data set with a reject for what cannot be used, and what was read of the rest.

    Every file is read once, in worker processes; a crash of one, or a decoder that takes too
    long, costs the file that it was on. Files that an audit has read before, and that have not
    changed since, are not read again (`tfmed.data.known`). Images with NaN or infinite values,
    images of one value, several volumes in one file, and what is no image, volume or clip as
    most of the others are, are rejects. Then the truth is read where it lies in files of its own
    (`KnownTruth.audit`).

    Args:
        dataset: as a source opened it.
        workers: processes; None for one a core, 0 for none.
        pixels: whether to read them; without, only headers are read: what pixels tell is NaN,
            and `dtype`, `native` and `digest` are "".

    Returns:
        The data set with these columns added: `format`, `height`, `width`, `depth` (slices, or
        frames of a clip; 1 for an image), `channels` (1 or 3), `coloured` (whether the three
        differ), `clip` (whether `depth` is time), `frame_rate_hz`, `bits`, `dtype` (of the
        pixels as read), `modality`, `units`, `photometric`, `manufacturer`, `device`,
        `body_part`, `view`, `sex`, `age_years`, `transfer_syntax`, `slope`, `intercept`,
        `signed`, `inverted`, `native`, `pixel_offset` and `pixel_bytes` (see
        `tfmed.io.native`), `slice_spacing_mm`, `row_spacing_mm`, `column_spacing_mm`,
        `window_low`, `window_high`, and of the pixels in modality units (of a clip 64 evenly
        spaced frames) `minimum`, `maximum`, `p005` and `p995` (the 0.5th and
        99.5th percentile), `mean`, `std` and `digest` (equal for equal images). Where no table
        column named the patient, `patient` is the header's Patient ID, else the example's own id.

    Where nothing is left, the data set is empty, and `limit_rejects` says why.
    """
    facts = read_facts(dataset, workers, pixels)
    reasons = facts["reason"].to_pandas()
    bad = (reasons != "").to_numpy()
    rejects = list(zip(places(dataset.table[bad]), reasons[bad], strict=True))
    if bad.any():
        facts = facts.filter(pa.array(~bad))
        dataset = dataset.where(pd.Series(~bad)).with_rejects(rejects)
    truth = truths.of(dataset)
    beside = truth.beside(dataset) if pixels else None
    dataset = dataset.with_table(_with_columns(dataset.table, facts, beside.told if beside else ()))
    if not len(dataset):
        return dataset
    dataset = _one_kind(dataset)
    dataset = dataset.with_facts(**_mixture(dataset.table))
    return truth.audit(dataset, workers) if pixels else dataset


def read_facts(dataset: Dataset, workers: int | None = None, pixels: bool = True) -> pa.Table:
    """What each file tells, and the files of its truth: known from before, or read now.

    Returns:
        One row an example in order: `SCHEMA`, and what `KnownTruth.beside` reads, null where
        there is nothing to read.
    """
    kind, schema, marks = "pixels" if pixels else "headers", SCHEMA, known.marks(dataset.table)
    beside = truths.of(dataset).beside(dataset) if pixels else None
    if beside:
        kind, schema = beside.kind, pa.schema([*SCHEMA, *beside.schema])
        marks = known.marks(dataset.table, beside.files, beside.about)

    def read(rows: np.ndarray) -> Iterator[known.Fact]:
        return _read(dataset.table, rows, workers, pixels, beside)

    return known.facts(kind, schema, marks, read)


def limit_rejects(dataset: Dataset, share: float) -> None:
    """Stop when more than a share of the files, or series, cannot be used.

    Images that a split has left out because they come again are whole, and do not count.

    Raises:
        DataError: more than `share` (0 to 1) of examples and rejects together are rejects, or
            all of them.
    """
    again = dataset.rejects["reason"].str.startswith(leakage.TWIN)
    rows = list(dataset.rejects[~again].itertuples(index=False, name=None))
    whole = len(dataset) + len(dataset.rejects)
    if not len(dataset):
        raise DataError(f"none of the {whole} files of {dataset.name} can be used: {_shown(rows)}")
    if len(rows) > share * whole:
        what = "series or files" if dataset.table["files"].notna().any() else "files"
        raise DataError(
            f"{len(rows)} of {whole} {what} cannot be used, more than the {share:.0%} that "
            f"--max-rejects allows: {_shown(rows)}. rejects.csv lists them all; mend them, or "
            "allow a greater share"
        )


def _shown(rejects: Sequence[tuple[str, str]]) -> str:
    """The first reasons, each with the first of its files and the number of the others."""
    paths: defaultdict[str, list[str]] = defaultdict(list)
    for path, reason in rejects:
        paths[reason].append(path)
    told = [
        f"{first}{f' and {len(others)} more' if others else ''}: {reason}"
        for reason, (first, *others) in paths.items()
    ]
    return "; ".join(told[:SHOWN] + ["..."] * (len(told) > SHOWN))


def _read(
    table: pd.DataFrame,
    rows: np.ndarray,
    workers: int | None,
    pixels: bool,
    beside: Beside | None,
) -> Iterator[known.Fact]:
    """The facts of some rows of a table, in any order."""
    with log.progress(None, len(rows), "reading", "files") as bar:
        inside = (table["member"].iloc[rows] != "").to_numpy()
        for row, found in chain(
            _archived(table, rows[inside], pixels),
            _files(table, rows[~inside], workers, pixels, beside),
        ):
            bar.advance()
            if isinstance(found, pool.Crash):
                yield row, {**ABOUT, "reason": found.reason}, False
            elif isinstance(found, str):
                yield row, {**ABOUT, "reason": found}, not passes(found)
            else:
                yield row, {**ABOUT, **found}, not passes(found.get(REASON) or "")


def _files(
    table: pd.DataFrame,
    rows: np.ndarray,
    workers: int | None,
    pixels: bool,
    beside: Beside | None,
) -> Iterator[tuple[int, Any]]:
    names = ("path", "files", "frame")
    columns = [table[name].iloc[rows] for name in names]
    examples: Iterator[dict[str, Any]] = (
        dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)
    )
    if beside:
        own = [(beside.read, beside.files[row]) for row in rows]
        examples = ({**example, "beside": one} for example, one in zip(examples, own, strict=True))
    if workers is None and not pixels and len(rows) < headers.FEW:
        workers = 0
    elif workers is None and len(rows) <= FEW:
        workers = 1
    found = pool.stream(measure if pixels else look, examples, workers=workers)
    return zip(rows.tolist(), found, strict=True)


def _archived(
    table: pd.DataFrame, rows: np.ndarray, pixels: bool
) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """As `_files`, of images in archives, which are read an array at a time."""
    places = table[["path", "member", "frame"]].iloc[rows].assign(row=rows)
    for (path, member), images in places.groupby(["path", "member"], sort=False):
        array = archives.images(path, member)
        for row, frame in zip(images["row"], images["frame"], strict=True):
            image = Image(array[frame], bits=array.dtype.itemsize * 8)
            found = of_image(image, pixels)
            yield row, found if isinstance(found, str) else {"format": "npz", **found}


def _with_columns(table: pd.DataFrame, facts: pa.Table, more: Sequence[str]) -> pd.DataFrame:
    told = facts.select([*COLUMNS, *FROM_HEADER, *more]).to_pandas()
    header = {name: told.pop(name) for name in FROM_HEADER}
    for name in TOLD_BY_SOURCE:
        if name in table:
            told[name] = told[name].where(told[name] != "", table[name])
    table = table.assign(**told)
    for name in ("study", "series"):
        table[name] = table[name].where(table[name] != "", header[name])
    named = ~table["patient_known"] & (header["patient"] != "")
    table["patient"] = table["patient"].where(~named, header["patient"])
    table["patient_known"] |= named
    table["patient"] = table["patient"].where(table["patient_known"], table["id"])
    return table


def _one_kind(dataset: Dataset) -> Dataset:
    """Leave out what is no image, volume or clip as most are: a network takes one of them."""
    most = _kinds(dataset.table).mode().iloc[0]
    for kind, what in KINDS.items():
        other = _kinds(dataset.table) == kind
        if kind != most and most and other.any():
            dataset = dataset.without(other, f"is {what}, most of the data are {most}s")
    return dataset


def _kinds(table: pd.DataFrame) -> pd.Series:
    """A row of `KINDS` for each example, "" where its header did not tell its size."""
    kinds = np.where(table["depth"] > 1, "volume", "image")
    kinds = np.where(table["clip"], "clip", kinds)
    return pd.Series(np.where(table["height"] == 0, "", kinds))


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
