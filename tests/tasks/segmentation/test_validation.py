"""What is watched and chosen on whole cases, and what that makes of a training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from training import masked

from tfmed import training
from tfmed.data.dataset import Dataset
from tfmed.run import Run
from tfmed.task import MODEL
from tfmed.tasks import Segmentation
from tfmed.tasks.segmentation.plan import SegmentationPlan
from tfmed.tasks.segmentation.validation import _means, dice

Parts = tuple[Dataset, Dataset, Dataset]
TASK = Segmentation(masked.CLASSES)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    return masked.parts(tmp_path_factory.mktemp("discs") / "data")


def fit(folder: Path, parts: Parts, plan: SegmentationPlan) -> Run:
    return training.fit(
        lambda: TASK.networks(plan), TASK, parts[0], parts[1], plan=plan, folder=folder
    )


@pytest.fixture(scope="module")
def fitted(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return fit(tmp_path_factory.mktemp("fitted") / "run", parts, masked.planned())


def test_discs_are_learned_and_each_class_is_told(fitted: Run, parts: Parts) -> None:
    history = pd.read_csv(fitted.path("history.csv"))
    assert len(history) == 3
    assert history["val_dice"].iloc[-1] > 0.8
    assert np.allclose(history["val_dice"], history["val_dice_disc"])
    # The test part was never seen; the masks are drawn and scored by another way.
    assert training.predict(fitted, parts[2])["dice_disc"].mean() > 0.8


def test_the_best_epoch_is_that_of_the_moving_average(fitted: Run) -> None:
    history = pd.read_csv(fitted.path("history.csv"))
    values, average = history["val_dice"], [history["val_dice"][0]]
    for value in values[1:]:
        average.append(0.9 * average[-1] + 0.1 * value)
    assert np.allclose(history["val_dice_average"], average)


def test_deep_supervision_trains_and_leaves_one_output(parts: Parts, tmp_path: Path) -> None:
    halves = ((1, 1), *((2, 2),) * 3)
    deep = {"features": (4, 6, 8, 8), "strides": halves, "kernels": ((3, 3),) * 4}
    plan = masked.planned(deep_supervision=True, epochs=1, steps_per_epoch=4, **deep)
    assert len(TASK.networks(plan)[MODEL].outputs) > 1
    model = training.load(fit(tmp_path, parts, plan)).model
    assert len(model.outputs) == 1
    assert not model.get_config().get("compile_config")


def test_members_together_clean_up_what_all_chose(fitted: Run, parts: Parts) -> None:
    member = training.load(fitted)
    one, other = (replace(member, chosen={"keep_largest": classes}) for classes in ([1], []))
    assert TASK.predictor([one, other], parts[0]).keep_largest == ()
    assert TASK.predictor([one, one], parts[0]).keep_largest == (1,)


def test_dice_by_hand() -> None:
    truth = np.array([[0, 1, 1], [2, 2, 0]])
    predicted = np.array([[0, 1, 0], [2, 2, 2]])
    assert dice(truth, predicted, 4) == pytest.approx([2 / 3, 4 / 5, np.nan], nan_ok=True)


def test_a_class_that_is_nowhere_counts_for_nothing() -> None:
    found = np.array([[0.5, np.nan], [1.0, np.nan]])
    assert _means(found, ("a", "b"))["dice"] == 0.75
    assert np.isnan(_means(found, ("a", "b"))["dice_b"])
    assert _means(found[:, 1:], ("b",))["dice"] == 0.0
