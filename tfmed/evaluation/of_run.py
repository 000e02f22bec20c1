"""`report`: the page of a run, its numbers and pictures gathered from the run's folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed import explain, feed
from tfmed.data.dataset import Dataset
from tfmed.evaluation.contents import Contents
from tfmed.evaluation.examples import confident
from tfmed.evaluation.facts import describe
from tfmed.evaluation.page import write
from tfmed.run import Run
from tfmed.tasks import Classification
from tfmed.training import Study, open_study
from tfmed.transforms.prepare import PERCENTILES, Preprocessing, prepare, resample

EXAMPLES = 6


def report(
    run: Run, predictions: pd.DataFrame, scores: Mapping[str, Any], *, export: str | Path = ""
) -> Path:
    """Write `report.html` into a trained run.

    Args:
        run: as `training.fit` left it; its card tells of the export, where there is one.
        predictions: as `training.predict` or `predictions.csv`.
        scores: as `task.score` or `scores.json`.
        export: the export's folder, to be named in the commands.

    Returns:
        Where the report is.
    """
    study = open_study(run)
    if not run.has("predictions.csv"):
        run.write_table("predictions.csv", predictions)
    if not run.has("scores.json"):
        run.write_json("scores.json", scores)
    facts = study.dataset.facts
    card = run.read_json("card.json") if run.has("card.json") else {}
    history = _history(run)
    contents = Contents(
        name=study.dataset.name,
        classes=study.task.classes,
        scores={**scores, "threshold": study.threshold},
        predictions=predictions,
        multi_label=study.task.multi_label,
        data=describe(study.dataset),
        split_made=facts.get("split", {}).get("how", ""),
        rejects=study.dataset.rejects,
        plan=_plan(study),
        history=history,
        best=_best(history, study.plan.watch),
        temperature=[member.temperature for member in study.members],
        examples=list(explained(study, predictions, str(scores["split"]))),
        exports=[_variant(name, about) for name, about in card.get("tflite", {}).items()],
        parity=[_parity(row) for row in card.get("parity", ())],
        folds=scores.get("per_fold", ()),
        export_path=_as_in_commands(export),
        input_size=study.plan.size,
        version=_version(),
        made=_now(),
        notes=[_duplicates(facts["duplicates"])] if "duplicates" in facts else [],
    )
    return write(run, contents)


def _plan(study: Study) -> list[tuple[str, Any, str, bool]]:
    """Setting, value, reason, and whether it was edited by hand since it was planned."""
    values = study.plan.model_dump(mode="json")
    reasons = values.pop("reasons")
    state = study.run.read_json("state.json") if study.run.has("state.json") else {}
    planned = state.get("planned") or values
    # Of a cross-validation the first fold's plan is shown, whose class weights are its own.
    own = {"class_weights"} if len(study.members) > 1 else set()
    return [
        (
            name,
            _shown(name, value),
            reasons.get(name, ""),
            name not in own and value != planned.get(name, value),
        )
        for name, value in values.items()
    ]


def explained(
    study: Study, predictions: pd.DataFrame, split: str, count: int = EXAMPLES
) -> Iterator[dict[str, Any]]:
    """The most confident right and wrong answers, each with its Grad-CAM.

    Args:
        study: what is explained.
        predictions: as `predictions.csv`.
        split: the part to choose from.
        count: right ones, and wrong ones, at most.

    Yields:
        a row of `confident`, its `row` that of `predictions` from 0, and `png`.
    """
    known = predictions["id"].isin(study.dataset.table["id"])
    scored = predictions[known & (predictions["split"] == split)]
    table = study.dataset.table.set_index("id", drop=False)
    chosen = confident(scored, count, multi_label=study.task.multi_label)
    for answer in chosen.to_dict("records"):
        name = scored["id"].iloc[answer["row"]]
        about = table.loc[[name]]
        of_one = study.dataset.with_table(about)
        image = next(feed.originals(of_one, study.plan.preprocessing))
        batch = tf.constant(np.asarray(image, np.float32)[None])
        by = scored["fold"].iloc[answer["row"]] if "fold" in scored else 1
        member = study.members[max(int(by), 1) - 1]
        heat = explain.gradcam(
            member.model,
            prepare(batch, study.plan.preprocessing).numpy(),
            [study.task.classes.index(answer["of"])],
            multi_label=study.task.multi_label,
        )[0]
        # A volume's heat is of the resampled slices; a plane's is stretched to the image.
        planar = heat.ndim == 2
        shown = image if planar else resample(batch, study.plan.preprocessing)[0].numpy()
        if about["format"].iloc[0] == "nifti":
            shown, heat = as_radiologists_look(shown), as_radiologists_look(heat[..., None])[..., 0]
        picture = explain.overlay(shown, heat, window=study.plan.window)
        row = int(scored.index[answer["row"]])
        yield {**answer, "row": row, "png": picture}


def as_radiologists_look(pixels: np.ndarray) -> np.ndarray:
    """Axial planes of NIfTI with the front at the top and the patient's right at the left.

    NIfTI is read as RAS+: rows run to the front, columns to the patient's right.

    Args:
        pixels: `[H, W, C]` or `[D, H, W, C]`.
    """
    return pixels[..., ::-1, ::-1, :]


def report_answers(
    run: Run,
    dataset: Dataset,
    task: Classification,
    predictions: pd.DataFrame,
    scores: Mapping[str, Any],
    preprocessing: Preprocessing,
) -> Path:
    """Write `report.html` of a trained model's answers on other data than its own.

    Args:
        run: the folder for it.
        dataset: the data, audited.
        task: what the model was trained for.
        predictions: as `predictions.csv`.
        scores: as `scores.json`.
        preprocessing: of the model.

    Returns:
        Where the report is.
    """
    contents = Contents(
        name=dataset.name,
        classes=task.classes,
        scores=scores,
        predictions=predictions,
        multi_label=task.multi_label,
        data=describe(dataset),
        split_made="A trained model was asked; nothing was trained or chosen on these scans.",
        rejects=dataset.rejects,
        input_size=preprocessing.size,
        version=_version(),
        made=_now(),
    )
    return write(run, contents)


def _shown(name: str, value: Any) -> Any:
    """A plan's value without paths of this machine."""
    if name == "weights":
        return Path(value).name
    return PERCENTILES if name == "window" and value is None else value


def _as_in_commands(export: str | Path) -> str:
    """An export's folder as seen from its surroundings: no home folder stands in a report."""
    path = Path(export)
    return str(Path(*path.parts[-3:]) if path.is_absolute() and len(path.parts) > 3 else export)


def _version() -> str:
    return f"tfmed {version('tfmed')}, TensorFlow {tf.__version__}"


def _now() -> str:
    return datetime.now().strftime("%Y-%m-%d %H:%M")


def _history(run: Run) -> pd.DataFrame | None:
    """The learning curve; of the first fold where there are several."""
    for name in ("history.csv", "fold1/history.csv"):
        if run.has(name):
            return pd.read_csv(run.path(name))
    return None


def _best(history: pd.DataFrame | None, watch: str) -> float | None:
    """The epoch that was kept: the last of those with the best watched value."""
    column = f"val_{watch}"
    if history is None or column not in history or history[column].isna().all():
        return None
    values = history[column]
    best = values.min() if watch == "loss" else values.max()
    return float(history["epoch"][values == best].iloc[-1])


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
