"""What a report says of the data: counts, patients, scanners; never a name or a path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from tfmed.data import truth as truths
from tfmed.data.dataset import PARTS, Dataset

# Facts of a source that may be printed; a path or a folder's name may hold an identifier.
TOLD = ("source", "unit", "description", "modality", "url", "licence", "citation")
MOST_VALUES = 6


@dataclass(frozen=True)
class DataFacts:
    """A data set in numbers.

    Attributes:
        counts: examples, a row a class (index; of masks a structure), a column a part.
        examples: by part; in multi-label less than the column's sum, or more.
        patients: by part.
        patient_known: share of examples whose patient is known, 0..1.
        traits: name and text of what images have: modality, size, scanner, ...
        provenance: what the source says of itself (licence, citation, ...).
        size: median `(height, width)` of the images in pixels, or None.
        frames: median number of a clip's frames; 0 where not all are clips.
        scanners: how many makers are named, 0 where none is.
        unlabelled: examples without a label, or mask.
        duplicates: examples left out because another part has an equal image.
    """

    counts: pd.DataFrame
    examples: Mapping[str, int]
    patients: Mapping[str, int]
    patient_known: float
    traits: tuple[tuple[str, str], ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    frames: int = 0
    scanners: int = 0
    unlabelled: int = 0
    duplicates: int = 0


def describe(dataset: Dataset) -> DataFacts:
    """Count what a report tells of a data set.

    Args:
        dataset: indexed and split; with the columns of `tfmed.data.audit` where there are any.
    """
    table = dataset.table
    split = table["split"].replace("", "none")
    parts = [part for part in (*PARTS, "none") if (split == part).any()]
    truth = truths.of(dataset)
    shown = truth.strata(dataset)[:, : len(dataset.classes)]
    counts = pd.DataFrame(shown, columns=list(dataset.classes)).groupby(split).sum().T
    counts = counts.reindex(index=list(truth.named(dataset)), columns=parts, fill_value=0)
    known = table["patient_known"] if "patient_known" in table else pd.Series([False])
    return DataFacts(
        counts=counts,
        examples={part: int((split == part).sum()) for part in parts},
        patients={part: int(table["patient"][split == part].nunique()) for part in parts},
        patient_known=float(known.mean()) if len(known) else 0.0,
        traits=tuple(_traits(table)),
        provenance={key: text for key in TOLD if (text := _told(key, dataset.facts.get(key)))},
        size=_size(table),
        frames=_frames(table),
        scanners=int(_filled(table, "manufacturer").nunique()),
        unlabelled=int((~dataset.answered).sum()),
        duplicates=int(dataset.facts.get("duplicates", {}).get("left_out", 0)),
    )


def _traits(table: pd.DataFrame) -> list[tuple[str, str]]:
    columns = {
        "modality": "Modality",
        "format": "File format",
        "bits": "Bits stored",
        "units": "Units",
        "manufacturer": "Scanner maker",
    }
    rows = [(label, _common(_filled(table, name))) for name, label in columns.items()]
    if "height" in table:
        sizes = table["width"].astype(str) + " x " + table["height"].astype(str)
        deep = table["depth"] if "depth" in table else pd.Series(1, table.index)
        clip = table["clip"] if "clip" in table else pd.Series(False, table.index)
        what = clip.map({True: " frames", False: " slices"})
        sizes = sizes.where(deep <= 1, sizes + " x " + deep.astype(str) + what)
        rows.append(("Size (width x height)", _common(sizes)))
    if "row_spacing_mm" in table:
        rows.append(("Pixel spacing", _range(table["row_spacing_mm"], "mm")))
    if "p005" in table:
        low, high = table["p005"].median(), table["p995"].median()
        rows.append(("Values, 0.5 to 99.5\u00a0%", f"{low:,.4g} to {high:,.4g}"))
    return [(name, text) for name, text in rows if text]


def _filled(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table:
        return pd.Series(dtype="str")
    values = table[name].dropna().astype(str)
    return values[values.str.strip() != ""]


def _common(values: pd.Series) -> str:
    """The most frequent values with their counts; the rest as a number."""
    counts = values.value_counts()
    if counts.empty:
        return ""
    if len(counts) == 1:
        return str(counts.index[0])
    shown = [f"{name} ({number:,})" for name, number in counts.head(MOST_VALUES).items()]
    rest = counts.iloc[MOST_VALUES:]
    return ", ".join(shown) + (f", {len(rest)} more ({rest.sum():,})" if len(rest) else "")


def _range(values: pd.Series, unit: str) -> str:
    known = values.dropna()
    if known.empty:
        return ""
    low, high = known.min(), known.max()
    text = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
    missing = len(values) - len(known)
    return f"{text} {unit}" + (f" (not known for {missing:,})" if missing else "")


def _size(table: pd.DataFrame) -> tuple[int, int] | None:
    if "height" not in table or table.empty:
        return None
    return round(float(table["height"].median())), round(float(table["width"].median()))


def _frames(table: pd.DataFrame) -> int:
    clips = "clip" in table and len(table) and table["clip"].all()
    return round(float(table["depth"].median())) if clips else 0


def _told(key: str, value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value or "")
    # `medmnist:NAME` is told; a folder or file is not.
    return "" if key == "source" and ":" not in text.partition("/")[0] else text
