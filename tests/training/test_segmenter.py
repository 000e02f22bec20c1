"""A segmenter trained in a folder: it learns, goes on after a kill, and is opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from tfmed.training.segmenter import _means, dice
from training import masked

from tfmed import training
from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError, DataError
from tfmed.planning import SegmentationPlan
from tfmed.run import Run
from tfmed.tasks import Segmentation

Parts = tuple[Dataset, Dataset, Dataset]
TASK = Segmentation(masked.CLASSES)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    return masked.parts(tmp_path_factory.mktemp("discs") / "data")


def fit(folder: Path, parts: Parts, plan: SegmentationPlan, **more: Any) -> Run:
    return training.fit_segmenter(
        lambda: masked.network(plan), TASK, parts[0], parts[1], plan=plan, folder=folder, **more
    )


@pytest.fixture(scope="module")
def fitted(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return fit(tmp_path_factory.mktemp("fitted") / "run", parts, masked.planned())


def test_it_learns_discs_and_tells_each_class(fitted: Run, parts: Parts) -> None:
    history = pd.read_csv(fitted.path("history.csv"))
    assert len(history) == 3
    assert history["val_dice"].iloc[-1] > 0.8
    assert np.allclose(history["val_dice"], history["val_dice_disc"])
    study = training.open_segmentation(fitted)
    case = study.case(0)
    assert dice(case.mask, study.segmenter.label_map(case), 2)[0] > 0.8


def test_the_best_epoch_is_that_of_the_moving_average(fitted: Run) -> None:
    history = pd.read_csv(fitted.path("history.csv"))
    values, average = history["val_dice"], [history["val_dice"][0]]
    for value in values[1:]:
        average.append(0.9 * average[-1] + 0.1 * value)
    assert np.allclose(history["val_dice_average"], average)


def test_a_run_knows_its_task(fitted: Run) -> None:
    assert training.task_of(fitted) == "segmentation"
    with pytest.raises(ConfigError, match="not of classification"):
        training.load(fitted)


def test_a_finished_run_is_not_trained_again(fitted: Run, parts: Parts) -> None:
    before = fitted.path("model.keras").stat().st_mtime_ns
    fit(fitted.folder, parts, masked.planned())
    assert fitted.path("model.keras").stat().st_mtime_ns == before
    assert not fitted.has("backup")


def test_another_plan_is_refused(fitted: Run, parts: Parts) -> None:
    with pytest.raises(ConfigError, match="patch_size"):
        fit(fitted.folder, parts, masked.planned(patch_size=(8, 8)))


def test_a_part_without_examples_is_refused(parts: Parts, tmp_path: Path) -> None:
    empty = parts[1].where(parts[1].table["id"] == "")
    with pytest.raises(DataError, match="0 validation examples"):
        fit(tmp_path, (parts[0], empty, empty), masked.planned())


def test_deep_supervision_trains_and_leaves_one_output(parts: Parts, tmp_path: Path) -> None:
    halves = ((1, 1), *((2, 2),) * 3)
    deep = {"features": (4, 6, 8, 8), "strides": halves, "kernels": ((3, 3),) * 4}
    plan = masked.planned(deep_supervision=True, epochs=1, steps_per_epoch=4, **deep)
    assert len(masked.network(plan).outputs) > 1
    member = training.load_segmenter(fit(tmp_path, parts, plan))
    assert len(member.model.outputs) == 1
    assert not member.model.get_config().get("compile_config")


class _Killed(BaseException):
    """What no code catches."""


def test_a_killed_training_goes_on_to_the_same_weights(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfmed.training import loop

    plan = masked.planned(epochs=2, steps_per_epoch=6)
    whole = training.load_segmenter(fit(tmp_path / "whole", parts, plan))
    with monkeypatch.context() as patch:
        end = loop.Loop._end_epoch

        def killed(self: loop.Loop) -> None:
            end(self)
            raise _Killed

        patch.setattr(loop.Loop, "_end_epoch", killed)
        with pytest.raises(_Killed):
            fit(tmp_path / "killed", parts, plan)
    again = training.load_segmenter(fit(tmp_path / "killed", parts, plan))
    for one, other in zip(whole.model.get_weights(), again.model.get_weights(), strict=True):
        assert np.allclose(one, other, atol=1e-5)


def test_dice_by_hand() -> None:
    truth = np.array([[0, 1, 1], [2, 2, 0]])
    predicted = np.array([[0, 1, 0], [2, 2, 2]])
    assert dice(truth, predicted, 4) == pytest.approx([2 / 3, 4 / 5, np.nan], nan_ok=True)


def test_a_class_that_is_nowhere_counts_for_nothing() -> None:
    found = np.array([[0.5, np.nan], [1.0, np.nan]])
    assert _means(found, ("a", "b"))["dice"] == 0.75
    assert np.isnan(_means(found, ("a", "b"))["dice_b"])
    assert _means(found[:, 1:], ("b",))["dice"] == 0.0


def test_members_together_clean_up_what_all_chose(fitted: Run) -> None:
    from dataclasses import replace

    member = training.load_segmenter(fitted)
    assert isinstance(member.model, keras.Model)
    both = replace(member, keep_largest=(1,)), replace(member, keep_largest=())
    assert training.segmenter_of(*both).keep_largest == ()
    assert training.segmenter_of(both[0]).keep_largest == (1,)
