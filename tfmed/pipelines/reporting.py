"""The report of a study: its numbers and pictures, handed to `evaluation`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed import evaluation, explain, feed
from tfmed.data.dataset import Dataset
from tfmed.evaluation.contents import Contents
from tfmed.pipelines.study import Study
from tfmed.run import Run
from tfmed.tasks import Classification
from tfmed.transforms.prepare import Preprocessing, prepare, resample

EXAMPLES = 6


def write(study: Study, delivered: Mapping[str, Any], hand_set: set[str]) -> None:
    """Write `report.html` into the study's run.

    Args:
        study: what is reported.
        delivered: what `delivery.release` returned.
        hand_set: settings of the plan that were edited by hand.
    """
    plan = study.plan.model_dump()
    reasons = plan.pop("reasons")
    contents = Contents(
        name=study.dataset.name,
        classes=study.task.classes,
        scores=study.scores,
        predictions=study.predictions,
        multi_label=study.task.multi_label,
        data=evaluation.describe(study.dataset),
        split_made=study.dataset.facts["split"]["how"],
        rejects=study.dataset.rejects,
        plan=[
            (
                name,
                "percentiles" if value is None else value,
                reasons.get(name, ""),
                name in hand_set,
            )
            for name, value in plan.items()
        ],
        history=_history(study.run),
        temperature=[member.temperature for member in study.members],
        examples=list(explained(study)),
        exports=[_variant(name, facts) for name, facts in delivered["variants"].items()],
        parity=[_parity(row) for row in delivered["parity"]],
        folds=study.scores.get("per_fold", ()),
        export_path=delivered["path"],
        input_size=study.plan.size,
        version=_version(),
        made=_now(),
        notes=[_duplicates(study.dataset.facts["duplicates"])],
    )
    evaluation.write(study.run, contents)


def write_external(
    run: Run,
    dataset: Dataset,
    task: Classification,
    predictions: pd.DataFrame,
    scores: Mapping[str, Any],
    preprocessing: Preprocessing,
) -> None:
    """Write `report.html` of scores on other data than the model's own."""
    contents = Contents(
        name=dataset.name,
        classes=task.classes,
        scores=scores,
        predictions=predictions,
        multi_label=task.multi_label,
        data=evaluation.describe(dataset),
        split_made="A trained model was asked; nothing was trained or chosen on these scans.",
        rejects=dataset.rejects,
        input_size=preprocessing.size,
        version=_version(),
        made=_now(),
    )
    evaluation.write(run, contents)


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


def explained(study: Study, count: int = EXAMPLES) -> Iterator[dict[str, Any]]:
    """The most confident right and wrong answers, each with its Grad-CAM.

    Args:
        study: what is explained, on the part that its scores are of.
        count: right ones, and wrong ones, at most.

    Yields:
        a row of `evaluation.confident`, its `row` that of `predictions.csv` from 0, and `png`.
    """
    scored = study.predictions[study.predictions["split"] == study.scores["split"]]
    table = study.dataset.table.set_index("id", drop=False)
    chosen = evaluation.confident(scored, count, multi_label=study.task.multi_label)
    for answer in chosen.to_dict("records"):
        name = scored["id"].iloc[answer["row"]]
        image = next(feed.originals(study.dataset.with_table(table.loc[[name]])))
        batch = tf.constant(np.asarray(image, np.float32)[None])
        member = study.members[study.answered_by.get(name, 0)]
        heat = explain.gradcam(
            member.model,
            prepare(batch, study.plan.preprocessing).numpy(),
            [study.task.classes.index(answer["of"])],
            multi_label=study.task.multi_label,
        )[0]
        # A volume's heat is of the resampled slices; a plane's is stretched to the image.
        planar = heat.ndim == 2
        shown = image if planar else resample(batch, study.plan.preprocessing)[0].numpy()
        picture = explain.overlay(shown, heat, window=study.plan.window)
        row = int(scored.index[answer["row"]])
        yield {**answer, "row": row, "png": picture}


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
        **facts["scores"],
    }


def _parity(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "what": row["name"],
        "difference": row["max_difference"],
        "tolerance": row["tolerance"],
        "ok": row["passed"],
        "note": row["note"],
    }
