"""What the report of masks shows beside what all reports have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tfmed.evaluation import overlays, sections, volume_plots
from tfmed.evaluation.contents import Answered
from tfmed.evaluation.wording import brief, count, defined, number, reach_of, structure
from tfmed.tasks.segmentation import mask_pictures, mask_tables, ranking
from tfmed.tasks.segmentation.mask_limits import limits
from tfmed.tasks.segmentation.scores import Cases

SECTIONS = (
    ("summary", "Summary"),
    ("data", "Data"),
    ("plan", "Plan"),
    ("training", "Training"),
    ("scores", "Scores"),
    ("cases", "Cases"),
    ("volumes", "Volumes"),
    ("export", "Export"),
    ("limits", "Limits"),
    ("use", "Use"),
)
MOST_NAMED = 6


def page(answered: Answered) -> tuple[Path, dict[str, Any]]:
    """The template and what it names."""
    contents, scores = answered.contents, answered.contents.scores
    found = ranking.scored(contents.predictions, contents.classes, str(scores.get("split", "test")))
    drawn = mask_pictures.of(answered, found)
    volume = mask_tables.unit(scores, found)
    by_patient = scores.get("per_patient") or {}
    support = {
        name: int(row.get("examples", 0))
        for name, row in list((scores.get("per_class") or {}).items())[1:]
    }
    unseen = scores.get("test") or {}
    return Path(__file__).parent / "masks.html", {
        "navigation": SECTIONS,
        "task": _task(contents.classes),
        "label": "mask",
        "latency_of": "patch",
        "answers": "segments",
        "tiles": mask_tables.tiles(scores, volume),
        "sentence": _sentence(scores),
        "metrics": mask_tables.metrics(scores, "metrics", volume),
        "per_class": mask_tables.per_class(scores, volume),
        "not_by_patient": by_patient.get("undefined", ""),
        "per_patient": mask_tables.metrics(scores, "per_patient", volume),
        "patients": None if found is None else mask_tables.patients(found),
        "resampled": "images" if scores.get("resampled") == "image" else "patients",
        "failures": mask_tables.failures(scores),
        "unseen": mask_tables.metrics(
            {**unseen, "size_unit": scores.get("size_unit")}, "metrics", volume
        ),
        "worst": [] if found is None else mask_tables.worst(found, drawn.masks),
        "dice_figure": _dice(found),
        "groups": _groups(drawn.cases),
        "colours": {"truth": overlays.TRUTH, "prediction": overlays.PREDICTED},
        "agreements": _agreements(found, scores),
        "limits": limits(sections.tested(contents, support)),
    }


def _task(classes: Sequence[str]) -> str:
    names = [structure(name) for name in classes[1:]]
    shown = ", ".join(names[:MOST_NAMED]) + (
        f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    )
    return f"segmentation of {count(len(names), 'structure')}: {shown}"


def _sentence(scores: Mapping[str, Any]) -> str:
    """The Dice of each structure with its interval, and the failures, in words."""
    rows = list((scores.get("per_class") or {}).items())[1:]
    told = []
    for name, row in rows[:MOST_NAMED]:
        dice = row.get("dice") or {}
        if defined(dice.get("value")):
            reach = reach_of(dice)
            told.append(
                f"{structure(name)} {number(dice['value'])}" + (f" ({reach})" if reach else "")
            )
    missed = sum(row.get("missed", 0) for _, row in rows)
    invented = sum(row.get("invented", 0) for _, row in rows)
    text = f"Dice, with its 95 % interval: {', '.join(told)}." if told else ""
    if not missed and not invented:
        return f"{text} No structure was missed and none invented.".strip()
    return (
        f"{text} Missed: {count(missed, 'structure')}, invented: {invented:,}; they count as "
        "failures, with Dice 0."
    ).strip()


def _dice(found: Cases | None) -> Markup:
    if found is None:
        return Markup("")
    values = found.scores[:, 1:, ranking.DICE]
    return sections.svg(volume_plots.dice_by_case(values, found.classes[1:]))


def _groups(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The pictures by kind, in the order of `KINDS`."""
    groups = []
    for kind in ranking.KINDS:
        own = [
            # Safe: made by `overlays`, which escapes names.
            {**row, "panes": [{**pane, "svg": Markup(pane["svg"])} for pane in row["panes"]]}
            for row in rows
            if row["kind"] == kind
        ]
        if own:
            groups.append({"kind": kind, "rows": own, "deep": len(own[0]["panes"]) > 1})
    return groups


def _agreements(found: Cases | None, scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A Bland-Altman figure a structure, with bias and limits in words."""
    unit = str(scores.get("size_unit", ""))
    if found is None or unit not in volume_plots.PLAIN:
        return []
    kind = "volume" if unit.endswith("3") else "area"
    made = []
    for k, name in list(enumerate(found.classes))[1 : volume_plots.MOST_STRUCTURES + 1]:
        divisor, words = volume_plots.unit_of(found.sizes[:, k], unit)
        sizes = found.sizes[:, k] / divisor
        agreed = volume_plots.agreement_of(sizes)
        if agreed is not None:
            figure = volume_plots.bland_altman(sizes, agreed, words, kind)
            low, high = (brief(end) for end in (agreed.low, agreed.high))
            made.append(
                {
                    "name": name,
                    "figure": sections.svg(figure),
                    "bias": f"{brief(agreed.bias)} {words}",
                    "reach": f"{low} to {high} {words}",
                    "pairs": count(agreed.pairs, "example"),
                }
            )
    return made
