"""The index over examples: where they come from, audit and split; no TensorFlow in it."""

from __future__ import annotations

import re
from pathlib import Path

from tfmed.data import parts
from tfmed.data import truth as truths
from tfmed.data.auditing import audit, limit_rejects
from tfmed.data.dataset import PARTS, Dataset
from tfmed.data.download import home
from tfmed.data.sources import SOURCES
from tfmed.data.sources.wishes import Wishes
from tfmed.data.truth import TRUTHS
from tfmed.data.truth.label_truth import one_against_rest
from tfmed.errors import ConfigError, DataError
from tfmed.expected import nearest
from tfmed.tables import lookup

__all__ = ["PARTS", "SOURCES", "TRUTHS", "Dataset", "Wishes", "audit", "home", "open", "split"]

NAMED = ("medmnist", "tfds", "synthetic")
UNITS = ("auto", "image", "series", "study")
ON_GEOMETRY = ("reject", "warn")


def open(  # noqa: PLR0913  (each is a flag of every command)
    source: str | Path,
    *,
    table: str | Path | None = None,
    path_column: str | None = None,
    label_columns: tuple[str, ...] = (),
    patient_column: str | None = None,
    split_column: str | None = None,
    positive: tuple[str, ...] = (),
    unit: str = "auto",
    on_geometry: str = "reject",
    seed: int = 0,
    truth: str = "label",
    classes: tuple[str, ...] = (),
) -> Dataset:
    """List the examples of a source and what is known of them; no pixels are read yet.

    Of numbers the table has a column `number` (NaN where unknown), beside its text in `label`.

    Of masks it has a column `mask` with the files of each image's mask: None where an image has
    none, else one label map, or a file for each of `classes[1:]`. `classes` of the data set then
    begin with the background, and the fact `masks` tells `kind`, the `values` of the classes, and
    in words `said`. A few masks are looked at; `audit` reads all.

    Args:
        source: a folder, a CSV, an npz, one image file, `"medmnist:NAME[:SIZE]"`,
            `"tfds:NAME[/CONFIG][:VERSION]"`, `"tfds:FOLDER"` or `"synthetic:NAME"`.
        table: a CSV with the labels of a folder's files.
        path_column: the table's column of file names or of DICOM UIDs; found by its content
            where it is not given.
        label_columns: the column of labels, or of numbers; several make labels multi-label.
        patient_column: the column that tells which examples are of one patient.
        split_column: the column with train, val and test.
        positive: classes that, against the rest, become the second of two classes.
        unit: what an example is in DICOM: `"image"`, `"series"`, `"study"` (its largest
            series), or `"auto"`: what the table's key names.
        on_geometry: what becomes of a DICOM series whose slices are no even volume (missing,
            at one place, tilted, unevenly spaced, in several orientations): `"reject"`, or
            `"warn"`, which keeps it in the best order there is.
        seed: of sources that draw their examples.
        truth: what is known of the examples, a row of `TRUTHS`.
        classes: names for the values of masks, as `"liver=1"`, or in the order of the values.

    Raises:
        ConfigError: the source or a column does not exist.
        DataError: the source holds no examples, or contradicts itself.
        ReadError: the table or the archive cannot be read.
    """
    if unit not in UNITS:
        raise ConfigError(
            f"unknown unit {unit!r}{nearest(unit, UNITS)} (known: {', '.join(UNITS)})"
        )
    if on_geometry not in ON_GEOMETRY:
        raise ConfigError(
            f"unknown on_geometry {on_geometry!r}{nearest(on_geometry, ON_GEOMETRY)} (known: "
            f"{', '.join(ON_GEOMETRY)})"
        )
    known = truths.kind(truth)
    for name, given in (("positive", positive), ("classes", classes)):
        if given and name in known.refused:
            raise ConfigError(known.refused[name])
    kind, place = _kind(str(source))
    wishes = Wishes(
        table=None if table is None else Path(table),
        path_column=path_column,
        label_columns=tuple(label_columns),
        patient_column=patient_column,
        split_column=split_column,
        unit=unit,
        on_geometry=on_geometry,
        seed=seed,
        truth=truth,
        classes=tuple(classes),
    )
    if kind not in SOURCES[truth]:
        raise DataError(f"{source} holds no {truth}s to learn from; expected {known.expected}")
    dataset = known.opened(lookup(SOURCES[truth], kind, "source")(place, wishes))
    return one_against_rest(dataset, tuple(positive)) if positive else dataset


def split(
    dataset: Dataset, fractions: parts.Fractions = (0.7, 0.15, 0.15), seed: int = 0
) -> tuple[Dataset, Dataset, Dataset]:
    """The training, validation and test parts, by patient.

    It is audited first where that has not been done, because patients stand in DICOM headers
    and equal images must stay together.

    Raises:
        DataError: no file can be used, or the data cannot be split (see
            `tfmed.data.parts.assign`).
    """
    read = "digest" in dataset.table and (dataset.table["digest"] != "").all()
    whole = dataset if read else audit(dataset)
    limit_rejects(whole, share=1.0)
    made = parts.assign(whole, fractions, seed)
    return made.part("train"), made.part("val"), made.part("test")


def _kind(source: str) -> tuple[str, str]:
    """The row of `SOURCES` for a source, and the place without the row's name."""
    path = Path(source).expanduser()
    # One letter before a colon is a drive, not a kind of source.
    named = re.match(r"([A-Za-z]\w+):(.*)", source)
    if named and not path.exists():
        if named[1] not in NAMED:
            raise ConfigError(
                f"there is no {source!r}, neither as a file nor by name{nearest(named[1], NAMED)} "
                f"(known: {', '.join(f'{kind}:NAME' for kind in NAMED)})"
            )
        return named[1], named[2]
    if path.is_dir():
        return "folder", str(path)
    if path.is_file():
        ending = path.suffix.lower().lstrip(".")
        return {"npz": "npz", "csv": "csv", "tsv": "csv"}.get(ending, "file"), str(path)
    raise ConfigError(_missing(path))


def _missing(path: Path) -> str:
    parent = path.parent
    if not parent.is_dir():
        return f"there is no {path}, nor a folder {parent}"
    beside = [entry.name for entry in parent.iterdir() if not entry.name.startswith(".")]
    return f"there is no {path}{nearest(path.name, beside)}"
