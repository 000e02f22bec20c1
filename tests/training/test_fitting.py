"""The whole of `fit`: it learns, stops, survives kills and tells what it did."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from training import toy

from tfmed import training
from tfmed.errors import DataError, TrainingError
from tfmed.training import loop, pace
from tfmed.training.program import Program

KILLED = Path(__file__).with_name("killed.py")
EPOCH_STEPS = toy.EXAMPLES // toy.BATCH


class _Stop(Exception):
    """A crash on purpose."""


def _weights(model: keras.Model) -> list[np.ndarray]:
    return [np.array(weight) for weight in model.get_weights()]


def test_it_learns_and_gives_the_weights_of_the_best_epoch(tmp_path: Path) -> None:
    model = toy.fit(tmp_path, epochs=8)
    table = pd.read_csv(tmp_path / "history.csv")
    best = table[table["val_accuracy"] == table["val_accuracy"].max()].iloc[-1]
    values = toy.validate(model)
    assert values["accuracy"] > 0.9
    assert values["accuracy"] == pytest.approx(best["val_accuracy"])
    assert values["loss"] == pytest.approx(best["val_loss"], abs=1e-5)


def test_history_has_a_row_an_epoch_and_tensorboard_its_file(tmp_path: Path) -> None:
    toy.fit(tmp_path, epochs=3)
    table = pd.read_csv(tmp_path / "history.csv")
    assert list(table["epoch"]) == [1, 2, 3]
    assert list(table["step"]) == [EPOCH_STEPS, 2 * EPOCH_STEPS, 3 * EPOCH_STEPS]
    assert list(table.columns) == [
        "epoch",
        "step",
        "seconds",
        "learning_rate",
        "loss",
        "val_accuracy",
        "val_loss",
        "images_per_second",
    ]
    assert (table["learning_rate"] > 0).all()
    assert any((tmp_path / "logs").iterdir())


def test_a_crashed_training_goes_on_to_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = toy.fit(tmp_path / "whole", epochs=5, ema_decay=0.9)
    monkeypatch.setattr(loop, "BACKUP_SECONDS", 0.0)
    monkeypatch.setattr(pace, "CALL_SECONDS", 0.0)
    started: list[int] = []

    def counted(start: int, steps: int) -> tf.data.Dataset:
        started.append(start)
        return toy.batches(start, steps)

    def validate(model: keras.Model) -> dict[str, float]:
        history = tmp_path / "broken/history.csv"
        if history.exists() and len(pd.read_csv(history)) == 2:
            raise _Stop
        return toy.validate(model)

    with pytest.raises(_Stop):
        toy.fit(tmp_path / "broken", epochs=5, ema_decay=0.9, validate=validate)
    model = toy.fit(tmp_path / "broken", epochs=5, ema_decay=0.9, batches=counted)
    assert 2 * EPOCH_STEPS < started[0] < 3 * EPOCH_STEPS  # In the middle of the third epoch.
    for mine, other in zip(_weights(model), _weights(whole), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
    tables = [pd.read_csv(tmp_path / name / "history.csv") for name in ("broken", "whole")]
    assert list(tables[0]["epoch"]) == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(tables[0]["loss"], tables[1]["loss"], rtol=1e-4)


def test_a_finished_training_only_gives_its_model_back(tmp_path: Path) -> None:
    first = toy.fit(tmp_path)

    def none(start: int, steps: int) -> tf.data.Dataset:
        raise AssertionError("no batch is needed")

    again = toy.fit(tmp_path, batches=none)
    for mine, other in zip(_weights(again), _weights(first), strict=True):
        np.testing.assert_array_equal(mine, other)
    training.clear(tmp_path)
    assert not (tmp_path / "backup").exists()


def test_a_killed_training_ends_with_the_same_bits(tmp_path: Path) -> None:
    command = [sys.executable, str(KILLED)]
    process = subprocess.Popen([*command, str(tmp_path / "killed")], stderr=subprocess.DEVNULL)
    history = tmp_path / "killed/history.csv"
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        if history.exists() and len(history.read_text().splitlines()) > 3:
            break
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert 3 < len(history.read_text().splitlines()) < 9
    done = subprocess.run(
        [*command, str(tmp_path / "killed"), str(tmp_path / "whole")],
        capture_output=True,
        check=False,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    killed, whole = done.stdout.split()
    assert killed == whole
    assert "goes on after step" in done.stderr
    tables = [pd.read_csv(tmp_path / name / "history.csv") for name in ("killed", "whole")]
    untimed = ["epoch", "step", "learning_rate", "loss", "val_accuracy", "val_loss"]
    pd.testing.assert_frame_equal(tables[0][untimed], tables[1][untimed])


def test_a_loss_that_is_not_finite_names_step_and_examples(tmp_path: Path) -> None:
    bad = EPOCH_STEPS + 2

    def batches(start: int, steps: int) -> tf.data.Dataset:
        def poison(step: tf.Tensor, batch: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
            images, *rest = batch
            return (tf.where(step == bad, np.float32(np.nan), images), *rest)

        steps_of = tf.data.Dataset.range(start, start + steps)
        return tf.data.Dataset.zip(steps_of, toy.batches(start, steps)).map(poison)

    with pytest.raises(TrainingError, match=rf"nan at step {bad}.*scan{bad}a, scan{bad}b"):
        toy.fit(
            tmp_path,
            batches=batches,
            rows_of_step=lambda step: [f"scan{step}a", f"scan{step}b"],
        )
    model = toy.fit(tmp_path, epochs=2)  # The last good backup is there, and mended data go on.
    assert all(np.isfinite(weight).all() for weight in _weights(model))
    assert list(pd.read_csv(tmp_path / "history.csv")["epoch"]) == [1, 2]


def test_training_stops_when_patience_ends(tmp_path: Path) -> None:
    values = iter([0.5, 0.7, 0.7, 0.6, 0.9])
    toy.fit(tmp_path, epochs=20, patience=2, validate=lambda model: {"accuracy": next(values)})
    assert list(pd.read_csv(tmp_path / "history.csv")["val_accuracy"]) == [0.5, 0.7, 0.7, 0.6]


def test_of_equal_epochs_the_later_is_the_best_and_nan_never_is(tmp_path: Path) -> None:
    seen: list[list[np.ndarray]] = []
    values = iter([0.5, 0.7, 0.7, float("nan")])

    def validate(model: keras.Model) -> dict[str, float]:
        seen.append(_weights(model))
        return {"accuracy": next(values)}

    best = _weights(toy.fit(tmp_path, epochs=4, validate=validate))
    for mine, third in zip(best, seen[2], strict=True):
        np.testing.assert_array_equal(mine, third)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[keras.Model], dict[str, float]]:
    """A clock that only training moves: 0.1 s a step, and 0.4 s for the validation it gives."""
    now = [1000.0]
    run = Program.run

    def timed(program: Program, iterator: tf.data.Iterator, steps: int) -> np.ndarray:
        now[0] += 0.1 * steps
        return run(program, iterator, steps)

    def validate(model: keras.Model) -> dict[str, float]:
        now[0] += 0.4
        return toy.validate(model)

    monkeypatch.setattr(Program, "run", timed)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return validate


def test_a_time_budget_fixes_the_horizon_and_is_kept(tmp_path: Path, clock: Callable) -> None:
    # An epoch is six steps and a validation, 1 s.
    toy.fit(tmp_path, epochs=100_000, max_minutes=20 / 60, validate=clock)
    last = pd.read_csv(tmp_path / "history.csv").iloc[-1]
    assert 18.5 < last["seconds"] <= 20
    horizon = json.loads((tmp_path / "backup/horizon.json").read_text())
    assert horizon["steps"] == last["step"]


def test_a_spent_budget_trains_no_further(tmp_path: Path, clock: Callable) -> None:
    toy.fit(tmp_path, epochs=100_000, max_minutes=5 / 60, validate=clock)
    steps = pd.read_csv(tmp_path / "history.csv")["step"].iloc[-1]
    toy.fit(tmp_path, epochs=100_000, max_minutes=5 / 60, validate=clock)
    assert pd.read_csv(tmp_path / "history.csv")["step"].iloc[-1] == steps


def test_a_users_own_model_and_data_set_train(tmp_path: Path) -> None:
    own = toy.network()
    dataset = tf.data.Dataset.from_tensor_slices((toy.IMAGES, toy.TARGETS))
    model = toy.fit(tmp_path, model=own, batches=dataset.batch(toy.BATCH, drop_remainder=True))
    assert model is own
    assert toy.validate(model)["accuracy"] > 0.8


def test_mixed_precision_gives_a_float32_model(tmp_path: Path) -> None:
    model = toy.fit(tmp_path, precision="mixed_bfloat16", epochs=2)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"
    training.save_model(model, tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    for mine, other in zip(_weights(loaded), _weights(model), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_watched_value_that_validation_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'auroc'.*accuracy, loss"):
        toy.fit(tmp_path, watch="auroc")


def test_a_backup_of_another_network_is_refused(tmp_path: Path) -> None:
    toy.fit(tmp_path, epochs=1)

    def other() -> keras.Model:
        image = keras.Input((toy.SIDE, toy.SIDE, 1))
        return keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(image)))

    with pytest.raises(TrainingError, match="another network"):
        toy.fit(tmp_path, epochs=2, model=other)
