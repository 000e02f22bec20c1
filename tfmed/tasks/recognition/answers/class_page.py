"""What the report of classes shows beside what all reports have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfmed.evaluation import figures, plots, score_tables, sections
from tfmed.evaluation.contents import Answered
from tfmed.evaluation.limits import limits
from tfmed.evaluation.wording import count, defined, percent

if TYPE_CHECKING:
    from tfmed.tasks.recognition.answers.classes import Classes

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


def view(
    answered: Answered, answer: Classes, examples: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What the template names.

    Args:
        answered: predictions and scores.
        answer: what was asked.
        examples: rows of `examples.confident` as mappings, each with `png`.
    """
    contents, study = answered.contents, answered.study
    temperatures = [one.chosen["temperature"] for one in study.members] if study else None
    split = str(contents.scores.get("split", "test"))
    metrics = contents.scores.get("metrics") or {}
    results = figures.scored(contents.predictions, contents.classes, split, answer.multi_label)
    drawn = figures.draw(results, contents.scores)
    by_patient = contents.scores.get("per_patient") or {}
    return {
        "navigation": SECTIONS,
        "task": _task(results),
        "label": "label",
        "latency_of": "image",
        "answers": "judges",
        "kind": "binary" if results.binary else "several",
        "banded": len(results.watched) <= plots.FEW_CURVES,
        "temperature": _temperature(temperatures),
        "tiles": score_tables.tiles(contents.scores, results) if metrics else [],
        "sentence": _sentence(contents.scores, results),
        "figures": {name: sections.svg(figure) for name, figure in drawn.items()},
        "metrics": score_tables.metrics(metrics),
        "per_class": score_tables.per_class(contents.scores, results),
        "per_patient": score_tables.metrics({} if "undefined" in by_patient else by_patient),
        "not_by_patient": by_patient.get("undefined", ""),
        "operating": score_tables.operating(contents.scores, results) if metrics else [],
        "unseen": score_tables.metrics((contents.scores.get("test") or {}).get("metrics", {})),
        "right": _examples(examples, True),
        "wrong": _examples(examples, False),
        "limits": limits(sections.tested(contents, results.support)),
        "prevalence": _prevalence(results),
    }


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


def _examples(rows: Sequence[Mapping[str, Any]], right: bool) -> list[dict[str, Any]]:
    return [
        {
            **sections.pictured(row),
            "truth": str(row["truth"]) or "none",
            "prediction": str(row["prediction"]) or "none",
            "of": str(row.get("of", row["prediction"])),
            "probability": f"{float(row['probability']):.3f}",
        }
        for row in rows
        if bool(row["right"]) == right
    ]


def _prevalence(results: figures.Scored) -> str:
    total = sum(results.support.values())
    if not results.binary or not total:
        return ""
    return percent(results.support[results.classes[1]] / total)


def _temperature(values: Sequence[float] | None) -> dict[str, str] | None:
    """The temperatures of the members, and what they do."""
    if values is None:
        return None
    text = ", ".join(f"{one:.3g}" for one in values)
    effect = {
        min(values) > 1.05: "Above 1, it makes the network less sure of itself.",
        max(values) < 0.95: "Below 1, it makes the network surer of itself.",
    }.get(True, "")
    return {"text": text, "several": "s" if len(values) > 1 else "", "effect": effect}
