"""What the reports of all tasks gather from a run's folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import tensorflow as tf

from tfmed.data.dataset import Dataset
from tfmed.evaluation.facts import describe
from tfmed.planning import Plan
from tfmed.run import Run
from tfmed.training import Study
from tfmed.transforms.prepare import PERCENTILES

ASKED = "A trained model was asked; nothing was trained or chosen on these scans."


def of_training(study: Study, export: str | Path) -> dict[str, Any]:
    """Plan, learning curve, export and parity, as `Contents` takes them.

    Args:
        study: a trained run; its card tells of the export, where there is one.
        export: the export's folder, to be named in the commands.
    """
    run = study.run
    plans = [member.plan for member in study.members]
    card = run.read_json("card.json") if run.has("card.json") else {}
    history = _history(run)
    return {
        "plan": _plan(run, plans[0], _differing(plans)),
        "history": history,
        "best": _best(history, plans[0]),
        "exports": [_variant(name, about) for name, about in card.get("tflite", {}).items()],
        "parity": [_parity(row) for row in card.get("parity", ())],
        "export_path": _as_in_commands(export),
    }


def of_data(dataset: Dataset) -> dict[str, Any]:
    """What is told of the data, and of the time and what the report was made with."""
    facts = dataset.facts
    return {
        "name": dataset.name,
        "data": describe(dataset),
        "rejects": dataset.rejects,
        "notes": _notes(facts),
        "version": f"tfmed {version('tfmed')}, TensorFlow {tf.__version__}",
        "made": datetime.now().strftime("%Y-%m-%d %H:%M"),
    }


def _differing(plans: Sequence[Plan]) -> set[str]:
    """Settings that differ by fold, which nobody has set by hand."""
    first, *others = [plan.model_dump(mode="json") for plan in plans]
    return {name for name in first if any(one[name] != first[name] for one in others)}


def _plan(run: Run, plan: Plan, own: Collection[str]) -> list[tuple[str, Any, str, bool]]:
    """Setting, value, reason, and whether it was edited by hand since it was planned.

    Settings of `own` are of a fold.
    """
    values = plan.model_dump(mode="json")
    reasons = values.pop("reasons")
    state = run.read_json("state.json") if run.has("state.json") else {}
    planned = state.get("planned") or values
    return [
        (
            name,
            _shown(name, value),
            reasons.get(name, ""),
            name not in own and value != planned.get(name, value),
        )
        for name, value in values.items()
        # A network's task is the report's, and z-scores have no window.
        if name != "task" and not (name == "window" and values.get("normalisation") == "zscore")
    ]


def _shown(name: str, value: Any) -> Any:
    """A plan's value without paths of this machine."""
    if name == "weights":
        return Path(value).name
    return PERCENTILES if name == "window" and value is None else value


def _as_in_commands(export: str | Path) -> str:
    """An export's folder as seen from its surroundings: no home folder stands in a report."""
    path = Path(export)
    return str(Path(*path.parts[-3:]) if path.is_absolute() and len(path.parts) > 3 else export)


def _history(run: Run) -> pd.DataFrame | None:
    """The learning curve; of the first fold where there are several."""
    for name in ("history.csv", "fold1/history.csv"):
        if run.has(name):
            return pd.read_csv(run.path(name))
    return None


def _best(history: pd.DataFrame | None, plan: Plan) -> float | None:
    """The epoch that was kept: the last of those with the best watched value."""
    column = f"val_{plan.watch}"
    if history is None or column not in history or history[column].isna().all():
        return None
    values = history[column]
    best = values.min() if plan.watch in plan.smaller_is_better else values.max()
    return float(history["epoch"][values == best].iloc[-1])


def _notes(facts: Mapping[str, Any]) -> list[str]:
    """Sentences on what stands out: how masks hold their classes, equal images."""
    notes = [facts.get("masks", {}).get("said")]
    if "duplicates" in facts:
        notes.append(_duplicates(facts["duplicates"]))
    return [note for note in notes if note]


def _duplicates(facts: Mapping[str, Any]) -> str:
    if not facts["images"]:
        return "No two images are equal."
    return (
        f"{facts['images']:,} images in {facts['groups']:,} groups have equal pixels: "
        f"{facts['how']} ({facts['left_out']:,} left out)."
    )


def _variant(name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    if "failed" in facts:
        return {"variant": name, "note": facts["failed"]}
    return {
        "variant": name,
        "bytes": facts["bytes"],
        "latency_ms": facts["latency_ms"],
        **facts.get("scores", {}),
    }


def _parity(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "what": row["name"],
        "difference": row["max_difference"],
        "tolerance": row["tolerance"],
        "ok": row["passed"],
        "note": row["note"],
    }
