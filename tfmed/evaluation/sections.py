"""What the sections that all reports share show, as plain values for the template."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from markupsafe import Markup

from tfmed.evaluation import charts, figures, score_tables
from tfmed.evaluation.contents import Contents
from tfmed.evaluation.limits import Tested
from tfmed.evaluation.wording import count, defined, percent

PART_NAMES = {"train": "training", "val": "validation", "test": "test", "none": "no part"}
SPLIT_NAMES = {
    "test": "the test part, which training never saw",
    figures.OUT_OF_FOLD: "cross-validation, each by a network that had not seen it",
    "val": "the validation part, which training looked at",
}


def shared(contents: Contents) -> dict[str, Any]:
    """What the template of every task names."""
    split = str(contents.scores.get("split", "test"))
    return {
        "contents": contents,
        "data": _data(contents),
        "reject_rows": _rejects(contents),
        "history": svg(_history(contents)),
        "folds": score_tables.plain(
            [{"fold": i, **row} for i, row in enumerate(contents.folds, 1)]
        ),
        "exports": score_tables.plain(contents.exports),
        "parity": score_tables.plain([_judged(row) for row in contents.parity]),
        "times": _times(contents.scores.get("seconds") or {}),
        "part_names": PART_NAMES,
        "scored_on": SPLIT_NAMES.get(split, split),
        "counted": _counted(contents.scores),
        "served": _served(contents),
    }


def tested(contents: Contents, support: Mapping[str, int]) -> Tested:
    """What the limits are found from.

    Args:
        contents: of the report.
        support: scored examples of each class.
    """
    rejects = 0 if contents.rejects is None else len(contents.rejects)
    rejects -= contents.data.duplicates if contents.data else 0
    validation = contents.data.examples.get("val", 0) if contents.data else 0
    return Tested(contents.scores, support, contents.data, contents.input_size, rejects, validation)


def svg(text: str) -> Markup:
    """A figure as the template takes it."""
    # Safe: made by matplotlib, which escapes names, in our own process.
    return Markup(text)


def pictured(example: Mapping[str, Any]) -> dict[str, Any]:
    """Where an example stands in `predictions.csv`, and its picture as an address of data."""
    return {
        # As a spreadsheet counts: the header is row 1.
        "row": int(example["row"]) + 2,
        "image": "data:image/png;base64," + base64.b64encode(example["png"]).decode("ascii"),
    }


def _data(contents: Contents) -> dict[str, Any] | None:
    data = contents.data
    if data is None:
        return None
    parts = list(data.counts.columns)
    rows = [(str(name), [int(n) for n in row]) for name, row in data.counts.iterrows()]
    share = data.patient_known
    if share >= 1:
        patients = "known for every example"
    elif share <= 0:
        patients = "not known; each example counts as a patient of its own"
    else:
        patients = (
            f"known for {percent(share)} of the examples; each other example is its own patient"
        )
    return {
        "parts": parts,
        "rows": rows,
        "examples": [data.examples.get(part, 0) for part in parts],
        "patients": [data.patients.get(part, 0) for part in parts],
        "patient_known": patients,
        "chart": svg(charts.class_counts(data.counts, data.examples, PART_NAMES)),
        "traits": data.traits,
        "provenance": data.provenance,
        "unlabelled": data.unlabelled,
    }


def _rejects(contents: Contents) -> list[tuple[str, int]]:
    """Reasons with their counts; a reason never holds a path, but is cut short in case."""
    if contents.rejects is None or contents.rejects.empty:
        return []
    reasons = contents.rejects["reason"].astype(str).str.slice(0, 200)
    return [(str(reason), int(n)) for reason, n in reasons.value_counts().items()]


def _history(contents: Contents) -> str:
    if contents.history is None:
        return ""
    return charts.learning_curves(contents.history, contents.best)


def _judged(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of parity; one without a tolerance neither holds nor fails."""
    free = row.get("tolerance") is None
    return {key: None if free and key in ("ok", "passed") else row[key] for key in row}


def _times(seconds: Mapping[str, Any]) -> str:
    """`Index 0:02, train 3:10`: minutes and seconds of each stage."""
    stages = [(name, round(value)) for name, value in seconds.items() if defined(value)]
    return ", ".join(f"{name} {value // 60}:{value % 60:02}" for name, value in stages)


def _counted(scores: Mapping[str, Any]) -> str:
    examples, patients = scores.get("examples"), scores.get("patients")
    text = count(int(examples), "example") if defined(examples) else "the examples"
    return f"{text} of {count(int(patients), 'patient')}" if defined(patients) else text


def _served(contents: Contents) -> dict[str, Any]:
    """The name and folder that a server takes, of `.../NAME/VERSION`; whether it takes files."""
    base = PurePosixPath(contents.export_path).parent
    planar = contents.input_size is None or len(contents.input_size) == 2
    quoted = shlex.quote(contents.export_path)
    name = shlex.quote(base.name)
    return {"name": name, "base": str(base), "quoted": quoted, "planar": planar}
