"""The report of a study: its numbers and pictures, handed to `evaluation`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed import evaluation, explain, feed
from tfmed.evaluation.contents import Contents
from tfmed.pipelines.study import Study
from tfmed.run import Run
from tfmed.transforms.prepare import prepare, resample

EXAMPLES = 6


def write(study: Study, delivered: Mapping[str, Any], hand_set: set[str]) -> None:
    """Write `report.html` into the study's run.

    Args:
        study: what is reported.
        delivered: what `delivery.release` returned.
        hand_set: settings of the plan that were edited by hand.
    """
    scored = study.predictions[study.predictions["split"] == study.scores["split"]]
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
            (name, "percentiles" if value is None else value, reasons.get(name, ""), name in hand_set)
            for name, value in plan.items()
        ],
        history=_history(study.run),
        temperature=[member.temperature for member in study.members],
        examples=list(_examples(study, scored)),
        exports=[_variant(name, facts) for name, facts in delivered["variants"].items()],
        parity=[_parity(row) for row in delivered["parity"]],
        folds=study.scores.get("per_fold", ()),
        export_path=delivered["path"],
        input_size=study.plan.size,
        version=f"tfmed {version('tfmed')}, TensorFlow {tf.__version__}",
        made=datetime.now().strftime("%Y-%m-%d %H:%M"),
        notes=[_duplicates(study.dataset.facts["duplicates"])],
    )
    evaluation.write(study.run, contents)


def _history(run: Run) -> pd.DataFrame | None:
    """The learning curve; of the first fold where there are several."""
    for name in ("history.csv", "fold1/history.csv"):
        if run.has(name):
            return pd.read_csv(run.path(name))
    return None


def _examples(study: Study, scored: pd.DataFrame) -> Any:
    """The most confident right and wrong answers, each with its Grad-CAM."""
    chosen = evaluation.confident(scored, EXAMPLES, multi_label=study.task.multi_label)
    table = study.dataset.table.set_index("id", drop=False)
    for answer in chosen.to_dict("records"):
        given = scored.iloc[answer["row"]]
        row = table.loc[[given["id"]]]
        image = next(feed.originals(study.dataset.with_table(row)))
        ready = prepare(tf.constant(np.asarray(image, np.float32)[None]), study.plan.preprocessing)
        heat = explain.gradcam(
            study.members[study.answered_by.get(given["id"], 0)].model,
            ready.numpy(),
            [study.task.classes.index(answer["of"])],
            multi_label=study.task.multi_label,
        )[0]
        answer["row"] = int(study.predictions.index[study.predictions["id"] == given["id"]][0])
        shown = image if image.ndim == ready.ndim - 1 == 3 else _resampled(study, image)
        answer["png"] = explain.overlay(shown, heat, window=study.plan.window)
        yield answer


def _duplicates(facts: Mapping[str, Any]) -> str:
    if not facts["images"]:
        return "No two images are equal."
    return (
        f"{facts['images']:,} images in {facts['groups']:,} groups have equal pixels: "
        f"{facts['how']} ({facts['left_out']:,} left out)."
    )


def _resampled(study: Study, image: np.ndarray) -> np.ndarray:
    batch = tf.constant(np.asarray(image, np.float32)[None])
    return resample(batch, study.plan.preprocessing)[0].numpy()


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
