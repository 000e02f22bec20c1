"""What an audit tells of a data set, as plain numbers: what `audit.json` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from tfmed.data import suspicious
from tfmed.data.dataset import Dataset
from tfmed.evaluation import confounders, fields
from tfmed.evaluation.confounders import Confounder, Search
from tfmed.evaluation.facts import describe
from tfmed.evaluation.outliers import outliers

NUMBERS = (
    "height", "width", "depth", "row_spacing_mm", "column_spacing_mm", "slice_spacing_mm",
    "frame_rate_hz", "age_years", "p005", "p995", "mean", "std",
)  # fmt: skip
MOST_SCANNERS, MOST_REASONS, MOST_GROUPS, MOST_OUTLIERS = 20, 20, 12, 12
BELOW_AIR_HU = -1100.0
OLDEST_YEARS = 90.0
NO_SCANNER = "not given"
VALUES = ("p005", "mean", "p995")


def gather(dataset: Dataset, seed: int = 0) -> dict[str, Any]:
    """Every fact of an audited data set, with no path, name or identifier of a patient in it.

    Rows are positions in `index.parquet`, from 0.

    Args:
        dataset: audited.
        seed: of the draws by which confounders are measured.
    """
    dataset = with_old_ages_joined(dataset)
    table = dataset.table
    members = fields.truth(table, dataset) == 1
    return _counts(dataset, members) | {
        "scanners": _scanners(table, members),
        "numbers": {name: _spread(_known(table, name)) for name in NUMBERS if name in table},
        "by_class": {
            name: {column: float(table[column][members[name]].median()) for column in VALUES}
            for name in dataset.classes
        },
        "mixed": {
            key.removeprefix("mixed_"): counts
            for key, counts in dataset.facts.items()
            if key.startswith("mixed_")
        },
        "geometry": dataset.facts.get("geometry"),
        "duplicates": _duplicates(table),
        "labels": {
            "patients_with_two": suspicious.patients_with_two_labels(table),
            "names_alike": suspicious.one_name_spelled_twice(dataset.classes),
            "small_classes": suspicious.small_classes(table, dataset.classes),
        },
        "patients_in_two_parts": _astray(table),
        "confounders": _confounders(confounders.search(dataset, seed)),
        "outliers": _outliers(table),
        "padded": _padded(table),
        "rejects": _rejects(dataset),
    }


def _counts(dataset: Dataset, members: pd.DataFrame) -> dict[str, Any]:
    """Examples and patients, in all, by class and by part."""
    table, about = dataset.table, describe(_of_what_is_known(dataset))
    return {
        "name": dataset.name,
        "examples": len(table),
        "patients": int(table["patient"].nunique()),
        "patients_known": about.patient_known,
        "unlabelled": about.unlabelled,
        "multi_label": dataset.multi_label,
        "pixels_read": bool(table["p005"].notna().any()),
        "provenance": dict(about.provenance),
        "traits": dict(about.traits),
        "classes": {
            name: {
                "examples": int(members[name].sum()),
                "patients": int(table["patient"][members[name]].nunique()),
            }
            for name in dataset.classes
        },
        "parts": {
            part: {
                "examples": about.examples[part],
                "patients": about.patients[part],
                "classes": about.counts[part].to_dict(),
            }
            for part in about.examples
        },
        "split": bool((table["split"] != "").any()),
        "examples_of_patients": _per_patient(table),
    }


def _per_patient(table: pd.DataFrame) -> dict[str, float]:
    sizes = table["patient"].value_counts()
    return {
        "median": float(sizes.median()),
        "largest": int(sizes.max()),
        "largest_share": float(sizes.max() / len(table)),
    }


def scanner(table: pd.DataFrame) -> pd.Series:
    """Maker and model of each example's scanner; `NO_SCANNER` where no header tells."""
    maker = table["manufacturer"].fillna("").astype(str).str.strip()
    model = table["device"].fillna("").astype(str).str.strip()
    both = (maker + " " + model).str.strip().str.slice(0, 48)
    return both.where(both != "", NO_SCANNER)


def _scanners(table: pd.DataFrame, members: pd.DataFrame) -> list[dict[str, Any]]:
    """A row a scanner, the most frequent first; the rest in one row."""
    names = scanner(table)
    frequent = names.value_counts().index
    if len(frequent) > MOST_SCANNERS:
        names = names.where(names.isin(frequent[:MOST_SCANNERS]), fields.OTHERS)
    grouped = table.groupby(names)
    found = pd.DataFrame({"examples": grouped.size(), "patients": grouped["patient"].nunique()})
    found = found.join(grouped[list(VALUES)].median())
    counts = members.groupby(names).sum()
    return [
        {"name": name, **row, "classes": counts.loc[name].astype(int).to_dict()}
        for name, row in found.sort_values("examples", ascending=False).to_dict("index").items()
    ]


def with_old_ages_joined(dataset: Dataset) -> Dataset:
    """The data set with ages from 90 on as 90: so high an age can identify its patient.

    Source: US 45 CFR 164.514(b)(2)(i)(C).
    """
    ages = dataset.table["age_years"].clip(upper=OLDEST_YEARS)
    return dataset.with_table(dataset.table.assign(age_years=ages))


def _of_what_is_known(dataset: Dataset) -> Dataset:
    """The data set without sizes and values where only headers of no size were read."""
    unknown = [name for name in ("height", "p005") if not _known(dataset.table, name).notna().any()]
    return dataset.with_table(dataset.table.drop(columns=unknown))


def _known(table: pd.DataFrame, name: str) -> pd.Series:
    """A column with NaN for what is not known: a length of 0 where only headers were read."""
    return table[name].where(table[name] > 0) if name in ("height", "width") else table[name]


def _spread(values: pd.Series) -> dict[str, float]:
    known = values.dropna()
    low, first, middle, last, high = known.astype(float).quantile([0, 0.05, 0.5, 0.95, 1])
    return {
        "known": len(known) / max(len(values), 1),
        "minimum": low,
        "p05": first,
        "median": middle,
        "p95": last,
        "maximum": high,
    }


def _duplicates(table: pd.DataFrame) -> dict[str, Any]:
    groups = suspicious.duplicates(table)
    shown = [
        {
            "rows": list(rows[:MOST_GROUPS]),
            "images": len(rows),
            "patients": int(patients),
            "labels": sorted(table["label"].iloc[list(rows)].dropna().unique()),
            "parts": sorted(set(table["split"].iloc[list(rows)]) - {""}),
        }
        for rows, patients in zip(
            groups["rows"][:MOST_GROUPS], groups["patients"][:MOST_GROUPS], strict=True
        )
    ]
    return {
        "groups": len(groups),
        "images": int(groups["images"].sum()),
        "with_two_labels": int((groups["labels"] > 1).sum()),
        "in_two_parts": int((groups["parts"] > 1).sum()),
        "of_two_patients": int((groups["patients"] > 1).sum()),
        "shown": shown,
    }


def _astray(table: pd.DataFrame) -> int:
    """Known patients with examples in two parts of the source's own split."""
    known = table[table["patient_known"] & (table["split"] != "")]
    pairs = known[["patient", "split"]].drop_duplicates()
    return int(pairs["patient"][pairs["patient"].duplicated()].nunique())


def _outliers(table: pd.DataFrame) -> dict[str, Any]:
    far = outliers(table).astype({"row": int})
    patients = table["patient"].iloc[far["row"]].nunique()
    alike = far["reason"].map(far["reason"].value_counts())
    # One of each reason: slices of one odd scan, or scans of one odd scanner, say the same.
    shown = far.assign(alike=alike).drop_duplicates("reason").head(MOST_OUTLIERS)
    return {"examples": len(far), "patients": patients, "shown": shown.to_dict("records")}


def _padded(table: pd.DataFrame) -> int:
    """CT examples with values below those of air: padding outside of what was scanned."""
    return int(((table["units"] == "HU") & (table["p005"] < BELOW_AIR_HU)).sum())


def _rejects(dataset: Dataset) -> dict[str, Any]:
    """How many, and by reason; a reason holds no path, but is cut short in case."""
    reasons = dataset.rejects["reason"].astype(str).str.slice(0, 200)
    if reasons.nunique() > MOST_REASONS:
        # Reasons that differ in a number alone are one.
        reasons = reasons.str.replace(r"\d+(\.\d+)?", "N", regex=True)
    counts = reasons.value_counts()
    shown = {str(reason): int(count) for reason, count in counts[:MOST_REASONS].items()}
    whole = len(dataset) + len(dataset.rejects)
    return {
        "files": len(dataset.rejects),
        "share": len(dataset.rejects) / max(whole, 1),
        "reasons": shown,
        "other_reasons": int(counts[MOST_REASONS:].sum()),
    }


def _confounders(search: Search) -> dict[str, Any]:
    return {
        "undefined": search.undefined,
        "examples": search.examples,
        "patients": search.patients,
        "classes": list(search.classes),
        "left_out": list(search.left_out),
        "constant": search.constant,
        "fields": [_confounder(one) for one in search.found if one.field not in fields.PIXELS],
        "pixels": [_confounder(one) for one in search.found if one.field in fields.PIXELS],
    }


def _confounder(one: Confounder) -> dict[str, Any]:
    per_class: Mapping[str, tuple[float, float, float]] = one.per_class
    return {
        "field": one.field,
        "name": fields.NAMES[one.field],
        "auroc": {"value": one.auroc, "low": one.low, "high": one.high},
        "strongest": one.strongest,
        "per_class": {
            name: dict(zip(("value", "low", "high"), numbers, strict=True))
            for name, numbers in per_class.items()
        },
        "values": one.distinct,
        "known": one.known,
    }
