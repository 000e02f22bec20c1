"""The whole of `optimise`: it learns, stops, survives kills and tells what it did."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from training import toy

from tfmed import training
from tfmed.errors import DataError, TrainingError
from tfmed.task import MODEL, Networks, Validate
from tfmed.training import Settings, loop, pace
from tfmed.training.program import Program
from tfmed.training.settings import TOP_EPOCHS

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


@pytest.mark.slow
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


class _Clock:
    """A clock that runs by steps and validations alone, in place of the module `time`."""

    def __init__(self) -> None:
        self.now, self.step_seconds = 100.0, 0.1

    def monotonic(self) -> float:
        return self.now

    def validate(self, model: keras.Model) -> dict[str, float]:
        self.now += 0.4
        return {"accuracy": 0.5}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    """Steps take 0.1 s and an epoch's end 0.4: an epoch of six steps is a second."""
    made, run = _Clock(), Program.run

    def timed(program: Program, iterator: tf.data.Iterator, steps: int) -> np.ndarray:
        made.now += steps * made.step_seconds
        return run(program, iterator, steps)

    monkeypatch.setattr(Program, "run", timed)
    for module in (loop, pace):
        monkeypatch.setattr(module, "time", made)
    return made


def _half_a_minute(folder: Path, clock: _Clock) -> int:
    """The last step of a training that half a minute limits."""
    toy.fit(folder, epochs=1000, max_minutes=0.5, validate=clock.validate)
    return int(pd.read_csv(folder / "history.csv")["step"].iloc[-1])


def test_a_time_budget_fixes_the_horizon_and_is_kept(tmp_path: Path, clock: _Clock) -> None:
    # Two seconds are timed after 24 steps and three epochs' ends, 3.6 s; timing validation takes
    # 0.8. Of the 25.6 s left 5 % are kept back: 24 more epochs of 1 s.
    assert _half_a_minute(tmp_path, clock) == 24 + 24 * EPOCH_STEPS
    stored = json.loads((tmp_path / "backup/horizon.json").read_text())
    assert stored["steps"] == 24 + 24 * EPOCH_STEPS
    assert clock.now - 100 == pytest.approx(0.8 + 28 * 1.0)


def test_a_machine_that_turns_slow_ends_training_in_time_and_for_good(
    tmp_path: Path, clock: _Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fix = loop.Loop._fix_horizon

    def slower(self: loop.Loop) -> None:
        fix(self)
        clock.step_seconds = 1.0

    monkeypatch.setattr(loop.Loop, "_fix_horizon", slower)
    reached = _half_a_minute(tmp_path, clock)
    assert 24 < reached < 24 + 24 * EPOCH_STEPS
    # A call whose steps were thought to be quick may pass the end, but none begins after it.
    assert clock.now - 100 < 30 + EPOCH_STEPS * clock.step_seconds
    assert _half_a_minute(tmp_path, clock) == reached


def test_a_users_own_model_and_data_set_train(tmp_path: Path) -> None:
    own = toy.network()
    dataset = tf.data.Dataset.from_tensor_slices((toy.IMAGES, toy.TARGETS))
    model = toy.fit(tmp_path, networks=own, batches=dataset.batch(toy.BATCH, drop_remainder=True))
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
        toy.fit(tmp_path, epochs=2, networks=other)


class _Pair:
    """Two networks with an optimizer each: one learns the truth, the other the contrary."""

    def __init__(self, networks: Networks, settings: Settings, devices: int) -> None:
        self.steps = [
            training.supervised(toy.cross_entropy)({MODEL: networks[name]}, settings, devices)
            for name in ("right", "wrong")
        ]

    def variables(self) -> list[tf.Variable]:
        return [variable for step in self.steps for variable in step.variables()]

    def set_rate(self, rate: tf.Tensor) -> None:
        for step in self.steps:
            step.set_rate(rate)

    def __call__(self, images: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        right, wrong = self.steps
        return right(images, targets, weights) + wrong(images, 1 - targets, weights)


def _pair(folder: Path, validate: Validate) -> Networks:
    return training.optimise(
        lambda: {"right": toy.network(), "wrong": toy.network()},
        step=_Pair,
        batches=toy.batches,
        examples=toy.EXAMPLES,
        validate=validate,
        settings=Settings(
            epochs=6, batch_size=toy.BATCH, learning_rate=0.03, watch="gap", ema_decay=0.9
        ),
        strategy=training.strategy.choose("one"),
        folder=folder,
    )


def _gap(networks: Networks) -> dict[str, float]:
    """How much better one is than the other."""
    right, wrong = (toy.validate(networks[name])["accuracy"] for name in ("right", "wrong"))
    return {"gap": right - wrong}


def test_two_networks_with_two_optimizers_train_in_one_loop_and_go_on(tmp_path: Path) -> None:
    whole = _pair(tmp_path / "whole", _gap)
    assert set(whole) == {"right", "wrong"}
    assert _gap(whole)["gap"] > 0.8
    assert _gap(whole)["gap"] == pd.read_csv(tmp_path / "whole/history.csv")["val_gap"].max()
    left = iter([True, True, False])

    def killed(networks: Networks) -> dict[str, float]:
        if not next(left):
            raise _Stop
        return _gap(networks)

    with pytest.raises(_Stop):
        _pair(tmp_path / "broken", killed)
    again = _pair(tmp_path / "broken", _gap)
    for name, network in whole.items():
        for mine, other in zip(_weights(again[name]), _weights(network), strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)


def test_training_ends_where_validation_can_tell_no_more(tmp_path: Path) -> None:
    perfect = dict.fromkeys(("accuracy", "loss"), 1.0)
    toy.fit(tmp_path, epochs=50, top=1.0, validate=lambda model: perfect)
    assert len(pd.read_csv(tmp_path / "history.csv")) == TOP_EPOCHS
