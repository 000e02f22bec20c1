"""The package as a library: the whole job in a dozen lines of Python, the same for every task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import makers
import numpy as np
import pytest
import tensorflow as tf
from training import masked

from tfmed import data, evaluation, export, models, planning, tasks, training
from tfmed.task import MODEL


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[data.Dataset, ...]:
    """Bright and dark images, told apart at a glance."""
    folder = tmp_path_factory.mktemp("images")
    for name, low in (("bright", 120), ("dark", 0)):
        for number in range(24):
            pixels = makers.noise((16, 16), seed=low + number, low=low, high=low + 130)
            makers.raster(folder / name / f"{number}.png", pixels)
    return data.split(data.open(folder), (0.6, 0.2, 0.2), seed=1)


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> tuple[data.Dataset, ...]:
    """Images of bright discs with their masks."""
    return masked.parts(tmp_path_factory.mktemp("discs") / "data")


def test_the_whole_job_in_python(parts: tuple[data.Dataset, ...], tmp_path: Path) -> None:
    train, valid, test = parts
    task = tasks.Classification(train.classes)
    plan = planning.plan(train, task, model="convnet")
    model = models.build(plan.model, input_shape=plan.input_shape, task=task)
    run = training.fit(model, task, train, valid, plan=plan, epochs=12, folder=tmp_path / "run")
    predictions = training.predict(run, test)
    scores = task.score(predictions)
    assert scores["split"] == "test"
    assert scores["metrics"]["auroc"]["value"] > 0.9
    assert evaluation.report(run, predictions, scores).is_file()
    version = export.saved_model(run, tmp_path / "models")
    assert export.load(version).task == task


@pytest.mark.slow
def test_the_whole_job_with_masks_in_python(
    discs: tuple[data.Dataset, ...], tmp_path: Path
) -> None:
    train, valid, test = discs
    task = tasks.Segmentation(train.classes)
    plan = planning.plan(train, task, batch_size=4, steps_per_epoch=20, size=(16, 16))
    networks = task.networks(plan)
    run = training.fit(networks, task, train, valid, plan=plan, epochs=2, folder=tmp_path / "run")
    predictions = training.predict(run, test)
    assert all(run.path(name).is_file() for name in predictions["prediction"])
    scores = task.score(predictions)
    assert scores["split"] == "test"
    assert scores["metrics"]["dice"]["value"] > 0.6
    assert evaluation.report(run, predictions, scores).is_file()
    version = export.saved_model(run, tmp_path / "models")
    assert export.load(version).task == task


def test_a_model_and_augmentation_of_ones_own_stand_in(
    parts: tuple[data.Dataset, ...], tmp_path: Path
) -> None:
    train, valid, test = parts
    task = tasks.Classification(train.classes)
    plan = planning.plan(train, task, batch_size=8)
    image = keras.Input(plan.input_shape)
    hidden = keras.layers.Dense(4, "relu")(keras.layers.GlobalAveragePooling2D()(image))
    model = keras.Model(image, keras.layers.Dense(2)(hidden))
    seen: list[Any] = []

    def mirrored(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seen.append((images.shape, seed.shape))
        return images[:, :, ::-1]

    run = training.fit(
        model, task, train, valid, plan=plan, epochs=1, folder=tmp_path / "run", augment=mirrored
    )
    assert seen == [((8, 16, 16, 1), (2,))]
    kept = training.load(run).model
    assert [layer.name for layer in kept.layers] == [layer.name for layer in model.layers]
    answers = training.predict(run, test)
    assert np.allclose(answers[["p_bright", "p_dark"]].sum(axis=1), 1)


def test_with_masks_a_model_and_augmentation_of_ones_own_stand_in(
    discs: tuple[data.Dataset, ...], tmp_path: Path
) -> None:
    train, valid, test = discs
    task = tasks.Segmentation(train.classes)
    plan = masked.planned(steps_per_epoch=6)
    image = keras.Input((None, None, 1))
    hidden = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    model = keras.Model(image, keras.layers.Conv2D(2, 1)(hidden))
    seen: list[Any] = []

    def mirrored(images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> Any:
        seen.append((images.shape, labels.shape, seed.shape))
        return images[:, :, ::-1], labels[:, :, ::-1]

    run = training.fit(
        {MODEL: model},
        task,
        train,
        valid,
        plan=plan,
        epochs=1,
        folder=tmp_path / "run",
        augment=mirrored,
    )
    assert seen == [((4, 16, 16, 1), (4, 16, 16), (2,))]
    kept = training.load(run).model
    assert [layer.name for layer in kept.layers] == [layer.name for layer in model.layers]
    answers = training.predict(run, test)
    assert answers["dice_disc"].notna().all()
