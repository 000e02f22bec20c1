"""What each section of the report shows, as plain values for the template."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from markupsafe import Markup

from tfmed.evaluation import charts, figures, plots, tables
from tfmed.evaluation.contents import Contents
from tfmed.evaluation.limits import Tested, limits
from tfmed.evaluation.wording import count, defined, percent

SECTIONS = (
    ("summary", "Summary"),
    ("data", "Data"),
    ("plan", "Plan"),
    ("training", "Training"),
    ("scores", "Scores"),
    ("curves", "Curves"),
    ("calibration", "Calibration"),
    ("examples", "Examples"),
    ("export", "Export"),
    ("limits", "Limits"),
    ("use", "Use"),
)
PART_NAMES = {"train": "training", "val": "validation", "test": "test", "none": "no part"}
SPLIT_NAMES = {
    "test": "the test part, which training never saw",
    figures.OUT_OF_FOLD: "cross-validation, each by a network that had not seen it",
    "val": "the validation part, which training looked at",
}


def view(contents: Contents) -> dict[str, Any]:
    """Everything that the template names."""
    split = str(contents.scores.get("split", "test"))
    metrics = contents.scores.get("metrics") or {}
    results = figures.scored(contents.predictions, contents.classes, split, contents.multi_label)
    drawn = figures.draw(results, contents.scores)
    by_patient = contents.scores.get("per_patient") or {}
    rejects = 0 if contents.rejects is None else len(contents.rejects)
    rejects -= contents.data.duplicates if contents.data else 0
    validation = contents.data.examples.get("val", 0) if contents.data else 0
    tested = Tested(
        contents.scores, results.support, contents.data, contents.input_size, rejects, validation
    )
    return {
        "contents": contents,
        "navigation": SECTIONS,
        "task": _task(results),
        "kind": "binary" if results.binary else "several",
        "banded": len(results.watched) <= plots.FEW_CURVES,
        "temperature": _temperature(contents.temperature),
        "tiles": tables.tiles(contents.scores, results) if metrics else [],
        "sentence": _sentence(contents.scores, results),
        "data": _data(contents),
        "reject_rows": _rejects(contents),
        "history": _svg(_history(contents)),
        "figures": {name: _svg(figure) for name, figure in drawn.items()},
        "metrics": tables.metrics(metrics),
        "per_class": tables.per_class(contents.scores, results),
        "per_patient": tables.metrics({} if "undefined" in by_patient else by_patient),
        "not_by_patient": by_patient.get("undefined", ""),
        "operating": tables.operating(contents.scores, results) if metrics else [],
        "folds": tables.plain([{"fold": i, **row} for i, row in enumerate(contents.folds, 1)]),
        "unseen": tables.metrics((contents.scores.get("test") or {}).get("metrics", {})),
        "right": _examples(contents.examples, True),
        "wrong": _examples(contents.examples, False),
        "exports": tables.plain(contents.exports),
        "parity": tables.plain([_judged(row) for row in contents.parity]),
        "times": _times(contents.scores.get("seconds") or {}),
        "limits": limits(tested),
        "prevalence": _prevalence(results),
        "part_names": PART_NAMES,
        "scored_on": SPLIT_NAMES.get(split, split),
        "counted": _counted(contents.scores),
        "served": _served(contents),
    }


def _svg(text: str) -> Markup:
    # Safe: made by matplotlib, which escapes names, in our own process.
    return Markup(text)


def _task(results: figures.Scored) -> str:
    k = len(results.classes)
    if results.multi_label:
        return f"multi-label classification, {count(k, 'class', 'classes')}"
    if results.binary:
        return f"binary classification: {results.classes[1]} against {results.classes[0]}"
    return f"classification, {count(k, 'class', 'classes')}"


def _sentence(scores: Mapping[str, Any], results: figures.Scored) -> str:
    """The operating point of a binary classifier in words, or ""."""
    if not results.binary:
        return ""
    negative, positive = results.classes
    per_class = scores.get("per_class", {})
    found = per_class.get(positive, {}).get("recall") or {}
    cleared = per_class.get(negative, {}).get("recall") or {}
    if not (defined(found.get("value")) and defined(cleared.get("value"))):
        return ""
    threshold = scores.get("threshold")
    if scores.get("split") == figures.OUT_OF_FOLD:
        at = "With each fold's own threshold it"
    elif defined(threshold):
        at = f"With the threshold {threshold:.3g}, chosen on validation, it"
    else:
        at = "It"
    return (
        f"{at} recognises {percent(found['value'])} of the examples of {positive} and "
        f"{percent(cleared['value'])} of those of {negative}."
    )


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
        "chart": _svg(charts.class_counts(data.counts, data.examples, PART_NAMES)),
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


def _examples(rows: Sequence[Mapping[str, Any]], right: bool) -> list[dict[str, Any]]:
    return [
        {
            # As a spreadsheet counts: the header is row 1.
            "row": int(row["row"]) + 2,
            "truth": str(row["truth"]) or "none",
            "prediction": str(row["prediction"]) or "none",
            "of": str(row.get("of", row["prediction"])),
            "probability": f"{float(row['probability']):.3f}",
            "image": "data:image/png;base64," + base64.b64encode(row["png"]).decode("ascii"),
        }
        for row in rows
        if bool(row["right"]) == right
    ]


def _prevalence(results: figures.Scored) -> str:
    total = sum(results.support.values())
    if not results.binary or not total:
        return ""
    return percent(results.support[results.classes[1]] / total)


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


def _temperature(value: float | Sequence[float] | None) -> dict[str, str] | None:
    """The temperature, or those of the members, and what they do."""
    if value is None:
        return None
    values = [float(value)] if isinstance(value, (int, float)) else [float(one) for one in value]
    text = ", ".join(f"{one:.3g}" for one in values)
    effect = {
        min(values) > 1.05: "Above 1, it makes the network less sure of itself.",
        max(values) < 0.95: "Below 1, it makes the network surer of itself.",
    }.get(True, "")
    return {"text": text, "several": "s" if len(values) > 1 else "", "effect": effect}
