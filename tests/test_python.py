"""The package as a library: the whole job in a dozen lines of Python."""

from __future__ import annotations

from pathlib import Path

import keras
import makers
import numpy as np
import pytest

from tfmed import data, evaluation, export, models, planning, tasks, training


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[data.Dataset, ...]:
    """Bright and dark images, told apart at a glance."""
    folder = tmp_path_factory.mktemp("images")
    for name, low in (("bright", 120), ("dark", 0)):
        for number in range(24):
            pixels = makers.noise((16, 16), seed=low + number, low=low, high=low + 130)
            makers.raster(folder / name / f"{number}.png", pixels)
    return data.split(data.open(folder), (0.6, 0.2, 0.2), seed=1)


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
    assert export.load(version).classes == train.classes


def test_a_model_of_ones_own_stands_in(parts: tuple[data.Dataset, ...], tmp_path: Path) -> None:
    train, valid, test = parts
    task = tasks.Classification(train.classes)
    plan = planning.plan(train, task, batch_size=8)
    image = keras.Input(plan.input_shape)
    hidden = keras.layers.Dense(4, "relu")(keras.layers.GlobalAveragePooling2D()(image))
    model = keras.Model(image, keras.layers.Dense(2)(hidden))
    run = training.fit(model, task, train, valid, plan=plan, epochs=1, folder=tmp_path / "run")
    answers = training.predict(run, test)
    assert np.allclose(answers[["p_bright", "p_dark"]].sum(axis=1), 1)
