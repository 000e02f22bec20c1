"""Any data set written out as a TFDS data set, for people who do not have tfmed.

    >>> builder = tfds.builder_from_directory("out/chest_xray/1.0.0")      # doctest: +SKIP
    >>> for example in builder.as_dataset(split="train"): ...              # doctest: +SKIP

It is for interchange: training reads scans and the cache (see `tfmed.feed`), which are faster.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfmed import log
from tfmed.data import pool
from tfmed.data.auditing import audit, limit_rejects
from tfmed.data.dataset import PARTS, Dataset, places
from tfmed.data.tfds_example import Form, encode, pseudonym
from tfmed.data.tfds_record import VERSION, prepare
from tfmed.errors import DataError, MissingExtra
from tfmed.run import write_aside

SPLITS = dict(zip(PARTS, ("train", "validation", "test"), strict=True))
BEAM_FILES = 100_000
COLUMNS = ["id", "path", "files", "member", "frame", "patient", "patient_known", "label", "unknown"]
REJECTS = "rejects"


def write(
    dataset: Dataset,
    folder: str | Path,
    *,
    beam: bool | None = None,
    workers: int | None = None,
    beam_options: Sequence[str] = (),
) -> Dataset:
    """Write a data set as TFRecord files that `tfds.builder_from_directory` opens.

    They lie in `FOLDER/NAME/1.0.0`, and appear there when they are whole; what lay there before
    is replaced. Features of an example:

    - `image`: modality units without loss. 8-bit and grey 16-bit images as PNG (`Image`), all
      else as a `Tensor` `[H, W, C]` or `[D, H, W, C]` of its own dtype; volumes and clips too.
    - `label`: `ClassLabel`, -1 where it is not known. With several labels `Sequence(ClassLabel)`
      of those that are present, and `unknown`, of those not known. None without classes.
    - `id`, `patient`: pseudonyms; `patient` is "" where no patient is known.
    - `spacing_mm` (`[row, column]` or `[slice, row, column]`), `window` (low, high): NaN where
      not known; `units`, `modality`; of volumes and clips `clip`, and `frame_rate_hz`.

    No identifier of a patient is written. Pseudonyms are keyed with a random secret that is
    thrown away: a patient's images stay together, nobody can look a patient up, and two exports
    share no pseudonym. What is burned into the pixels, and the names of the data set and of
    its classes, are written as they are.

    Splits are the data set's; an example of none is in `train`. With Beam the examples are the
    same, in another order; its work can be spread over a cluster that sees the same files.

    Args:
        dataset: any; it is audited first, where that has not been done.
        folder: made if it is not there.
        beam: whether to write with Apache Beam; None for where that helps: from 100,000 files,
            with a runner in `beam_options`. On one machine Beam is slower, and holds all in
            memory.
        workers: processes that read, without Beam; None for one a core, 0 for none.
        beam_options: for Beam's pipeline, as `["--runner=FlinkRunner", ...]`; by default it
            runs in this process.

    Returns:
        The data set without what could not be read, each a reject; its fact `tfds` is the folder
        that was written.

    Raises:
        DataError: nothing could be read, or the folder cannot be written.
        MissingExtra: Beam is asked for and not installed.
    """
    if beam is None:
        beam = bool(beam_options) and len(dataset) >= BEAM_FILES
    if beam and importlib.util.find_spec("apache_beam") is None:
        raise MissingExtra("writing with Beam", "apache-beam", "beam")
    if "dtype" not in dataset.table or (dataset.table["dtype"] == "").any():
        dataset = audit(dataset, workers)  # it was not, or by headers alone
        limit_rejects(dataset, share=1.0)
    form = _form(dataset)
    name = _name(dataset.name)
    target = Path(folder).expanduser().resolve() / name / VERSION
    rejects: dict[str, str] = {}

    def fill(aside: Path) -> None:
        lost = aside / REJECTS
        lost.mkdir(parents=True)
        if beam:
            splits = {part: _in_beam(rows, form, lost) for part, rows in _splits(dataset)}
        else:
            splits = {
                part: _in_pool(rows, form, workers, rejects, part)
                for part, rows in _splits(dataset)
            }
        prepare(dataset, form, splits, aside, name, beam_options if beam else None)
        rejects.update(json.loads(file.read_text(encoding="utf-8")) for file in lost.iterdir())
        shutil.rmtree(lost)

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_aside(target, fill)
    except OSError as error:
        raise DataError(f"{target} cannot be written ({error.strerror or error})") from error
    return _written(dataset, rejects).with_facts(tfds=str(target))


def _form(dataset: Dataset) -> Form:
    """The one shape and dtype that holds every image."""
    table = dataset.table
    axes = [table["height"], table["width"], table["channels"]]
    if (table["depth"] > 1).any() or table.get("clip", pd.Series(dtype=bool)).any():
        axes.insert(0, table["depth"])
    lengths = [axis.unique() for axis in axes]
    shape = tuple(int(found[0]) if len(found) == 1 else None for found in lengths)
    dtype = np.result_type(*table["dtype"].unique())
    return Form(shape, dtype.name, dataset.classes, dataset.multi_label, secrets.token_bytes(32))


def _name(name: str) -> str:
    """A name as TFDS takes it: small letters, digits and underscores, a letter first."""
    words = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")
    return words if words[:1].isalpha() else f"data_{words}".rstrip("_")


def _splits(dataset: Dataset) -> list[tuple[str, pd.DataFrame]]:
    parts = dataset.table["split"].map(SPLITS).fillna("train")
    return [
        (name, dataset.table.loc[parts == name, COLUMNS])
        for name in SPLITS.values()
        if (parts == name).any()
    ]


def _in_pool(
    rows: pd.DataFrame, form: Form, workers: int | None, rejects: dict[str, str], split: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Keys and examples of a split; what cannot be read is noted in `rejects` by its id."""
    # An archive is decompressed whole, so it is read in one process.
    count = 0 if (rows["member"] != "").all() else workers
    items = (dict(zip(rows, row, strict=True)) for row in rows.itertuples(index=False, name=None))
    found = pool.stream(functools.partial(encode, form=form), items, workers=count)
    with log.progress(list(rows["id"]), what=f"writing {split}", unit="examples") as bar:
        for id_, one in zip(bar, found, strict=True):
            if isinstance(one, dict):
                yield one["id"], one
            else:
                rejects[id_] = one.reason if isinstance(one, pool.Crash) else one


def _in_beam(rows: pd.DataFrame, form: Form, lost: Path) -> Any:
    """A Beam transform that makes the keys and examples of a split."""
    with log.quiet():
        import apache_beam

    items = rows.to_dict("records")
    return apache_beam.Create(items) | apache_beam.FlatMap(_encode_or_note, form, str(lost))


def _encode_or_note(row: dict[str, Any], form: Form, lost: str) -> list[tuple[str, Any]]:
    """One key and example, or none and a note of the reason, in a Beam worker."""
    one = encode(row, form)
    if isinstance(one, dict):
        return [(one["id"], one)]
    # Named after the row: Beam may do the same work twice.
    note = Path(lost) / f"{pseudonym('reject', row['id'], form.salt)}.json"
    note.write_text(json.dumps([row["id"], one]), encoding="utf-8")
    return []


def _written(dataset: Dataset, rejects: dict[str, str]) -> Dataset:
    lost = dataset.table["id"].isin(list(rejects))
    rows = dataset.table[lost]
    reasons = [rejects[id_] for id_ in rows["id"]]
    return dataset.where(~lost).with_rejects(list(zip(places(rows), reasons, strict=True)))
