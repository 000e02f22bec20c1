"""Choosing devices and precision; two logical devices train as one does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from tfmed import hardware
from tfmed.errors import ConfigError
from tfmed.training import strategy

TWO_DEVICES = Path(__file__).with_name("two_devices.py")


def test_auto_is_one_device_where_there_is_no_second_gpu() -> None:
    assert strategy.choose("auto").num_replicas_in_sync == 1


@pytest.mark.parametrize("name", ["multiworker", "two"])
def test_an_unknown_strategy_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        strategy.choose(name)


def test_precision_follows_cpu_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.setattr(hardware, "vector_units", lambda: ["avx2", "bf16"])
    assert strategy.precision("auto", (64, 64, 1)) == "mixed_bfloat16"
    assert strategy.precision("auto", (16, 16, 1)) == "float32"
    assert strategy.precision("auto", (64, 64, 1), "mobilenet_v3_small") == "float32"
    assert strategy.precision("auto", (64, 64, 64, 1)) == "float32"
    monkeypatch.setattr(hardware, "vector_units", lambda: ["avx2"])
    assert strategy.precision("auto", (64, 64, 1)) == "float32"
    assert strategy.precision("mixed_bfloat16", (8, 8, 1)) == "mixed_bfloat16"


def test_precision_refuses_the_unknown_and_what_gives_wrong_gradients() -> None:
    with pytest.raises(ConfigError, match="float8"):
        strategy.precision("float8", (8, 8, 1))
    if not tf.config.list_physical_devices("GPU"):
        with pytest.raises(ConfigError, match="volumes"):
            strategy.precision("mixed_bfloat16", (8, 8, 8, 1))


@pytest.fixture(scope="module")
def two_devices() -> dict[str, list[float]]:
    """Losses with one and two logical CPU devices; these must be set up in a fresh process."""
    done = subprocess.run(
        [sys.executable, str(TWO_DEVICES)],
        capture_output=True,
        check=False,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("kind", ["averaged adamw", "sgd", "whole fit"])
def test_two_devices_give_the_losses_of_one(
    two_devices: dict[str, list[list[float]]], kind: str
) -> None:
    one, two = two_devices[kind]
    assert len(one) > 3
    assert two == pytest.approx(one, abs=1e-5)


def test_two_devices_train_in_float16(two_devices: dict[str, list[list[float]]]) -> None:
    one, two = two_devices["float16"]
    assert two == pytest.approx(one, abs=2e-2)


def test_an_uneven_batch_is_refused(two_devices: dict[str, list[list[float]]]) -> None:
    assert two_devices["uneven"] == ["batch size 15 cannot be shared out evenly over 2 devices"]
