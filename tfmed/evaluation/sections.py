"""What each section of the report shows, as plain values for the template."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from markupsafe import Markup

from tfmed.evaluation import figures, plots
from tfmed.evaluation.contents import Contents
from tfmed.evaluation.limits import Tested, limits
from tfmed.evaluation.wording import METRICS, UNDEFINED, count, defined, interval, percent

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
    "out_of_fold": "cross-validation, each by a network that had not seen it",
    "val": "the validation part, which training looked at",
}


def view(contents: Contents) -> dict[str, Any]:
    """Everything that the template names."""
    split = str(contents.scores.get("split", "test"))
    results = figures.scored(contents.predictions, contents.classes, split, contents.multi_label)
    drawn = figures.draw(results, contents.scores)
    rejects = 0 if contents.rejects is None else len(contents.rejects)
    validation = contents.data.examples.get("val", 0) if contents.data else 0
    tested = Tested(
        contents.scores, results.support, contents.data, contents.input_size, rejects, validation
    )
    return {
        "contents": contents,
        "navigation": SECTIONS,
        "task": _task(results),
        "kind": "binary" if results.binary else "several",
        "tiles": _tiles(contents.scores, results),
        "sentence": _sentence(contents.scores, results),
        "data": _data(contents),
        "reject_rows": _rejects(contents),
        "history": _svg(_history(contents)),
        "figures": {name: _svg(figure) for name, figure in drawn.items()},
        "metrics": _metrics(contents.scores.get("metrics", {})),
        "per_class": _per_class(contents.scores, results),
        "per_patient": _metrics(contents.scores.get("per_patient", {})),
        "operating": _operating(contents.scores, results),
        "folds": _table(contents.folds),
        "right": _examples(contents.examples, True),
        "wrong": _examples(contents.examples, False),
        "exports": _table(contents.exports),
        "parity": _table(contents.parity),
        "limits": limits(tested),
        "prevalence": _prevalence(results),
        "part_names": PART_NAMES,
        "scored_on": SPLIT_NAMES.get(split, split),
        "counted": _counted(contents.scores),
        "served": _served(contents.export_path),
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


def _tiles(scores: Mapping[str, Any], results: figures.Scored) -> list[dict[str, Any]]:
    metrics, per_class = scores.get("metrics", {}), scores.get("per_class", {})
    if results.binary:
        negative, positive = results.classes
        rows = [
            ("AUROC", metrics.get("auroc")),
            ("Balanced accuracy", metrics.get("balanced_accuracy")),
            ("Sensitivity", per_class.get(positive, {}).get("recall")),
            ("Specificity", per_class.get(negative, {}).get("recall")),
        ]
    else:
        names = ["auroc", "average_precision", "balanced_accuracy", "accuracy", "f1", "recall"]
        present = [name for name in names if name in metrics]
        if not results.multi_label:
            present = [name for name in present if name not in ("average_precision", "recall")]
        rows = [(METRICS[name][0], metrics[name]) for name in present[:4]]
    return [{"name": name, **_bounds(metric)} for name, metric in rows]


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
    at = (
        f"With the threshold {threshold:.3g}, chosen on validation, it"
        if defined(threshold)
        else "It"
    )
    return (
        f"{at} finds {percent(found['value'])} of {positive} and rightly leaves "
        f"{percent(cleared['value'])} of {negative} alone."
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
        patients = "not known: each example counts as a patient of its own"
    else:
        patients = f"known for {percent(share)} of the examples; each other is its own patient"
    return {
        "parts": parts,
        "rows": rows,
        "examples": [data.examples.get(part, 0) for part in parts],
        "patients": [data.patients.get(part, 0) for part in parts],
        "patient_known": patients,
        "chart": _svg(plots.class_counts(data.counts.rename(columns=PART_NAMES))),
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
    return plots.learning_curves(contents.history, contents.best)


def _metrics(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    ordered = [name for name in METRICS if name in metrics]
    ordered += [name for name in metrics if name not in METRICS]
    return [
        {
            "name": METRICS.get(name, (name.replace("_", " "), ""))[0],
            "tells": METRICS.get(name, ("", ""))[1],
            **_bounds(metrics[name]),
        }
        for name in ordered
        if isinstance(metrics[name], Mapping) or metrics[name] is None
    ]


def _per_class(scores: Mapping[str, Any], results: figures.Scored) -> dict[str, Any] | None:
    per_class = scores.get("per_class") or {}
    present = {name for row in per_class.values() for name in row}
    columns = [name for name in METRICS if name in present]
    if not columns:
        return None
    rows = [
        (name, results.support.get(name), [interval(row.get(column)) for column in columns])
        for name, row in per_class.items()
    ]
    return {"columns": [METRICS[name][0] for name in columns], "rows": rows}


def _operating(scores: Mapping[str, Any], results: figures.Scored) -> list[dict[str, Any]]:
    """Sensitivity, specificity and predictive values of a binary classifier."""
    if not results.binary:
        return []
    negative, positive = (scores.get("per_class", {}).get(name, {}) for name in results.classes)
    rows = [
        ("Sensitivity", f"{results.classes[1]} found", positive.get("recall")),
        ("Specificity", f"{results.classes[0]} left alone", negative.get("recall")),
        ("Positive predictive value", "findings that are right", positive.get("precision")),
        ("Negative predictive value", "all-clears that are right", negative.get("precision")),
    ]
    return [{"name": name, "tells": tells, **_bounds(metric)} for name, tells, metric in rows]


def _bounds(metric: Mapping[str, Any] | None) -> dict[str, Any]:
    """A metric for a table: its text, and value, low, high in 0..1 for the drawn interval."""
    metric = metric or {}
    value, low, high = metric.get("value"), metric.get("low"), metric.get("high")
    bar = defined(value) and defined(low) and defined(high) and low >= 0 and high <= 1
    text = interval(metric).partition(" (")
    return {
        "value": text[0],
        "reach": text[2].rstrip(")"),
        "bar": (value, low, high) if bar else None,
        "undefined": text[0] == UNDEFINED,
    }


def _table(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    if not rows:
        return None
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return {"columns": columns, "rows": [[row.get(name) for name in columns] for row in rows]}


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


def _served(export_path: str) -> dict[str, str]:
    """The name and folder that a server takes, of `.../NAME/VERSION`."""
    base = PurePosixPath(export_path).parent
    return {"name": base.name, "base": str(base)}
