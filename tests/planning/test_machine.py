"""The machine that a plan is made for."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
import tensorflow as tf
from tensorflow.python.client import device_lib

from tfmed.planning import Machine, here
from tfmed.planning.machine import REFERENCE_GB, gpu_memory_gb


def test_this_machine_is_told_with_the_time_that_it_has() -> None:
    machine = here(memory_gb=4.0, seconds=90, limited=True)
    assert (machine.memory_gb, machine.seconds, machine.limited) == (4.0, 90, True)
    assert 1 <= machine.cores <= (os.cpu_count() or 1)
    assert machine.accelerated == bool(tf.config.list_physical_devices("GPU"))


def test_nothing_is_known_of_a_machine_that_nobody_has_described() -> None:
    assert Machine() == Machine(False, 1, None, None, False)


@pytest.mark.parametrize(("gpus", "gb"), [((), REFERENCE_GB), ((24.0, 16.0), 16.0)])
def test_memory_is_that_of_the_smallest_gpu(
    gpus: tuple[float, ...], gb: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [SimpleNamespace(device_type="CPU", memory_limit=2**28)]
    found += [SimpleNamespace(device_type="GPU", memory_limit=one * 2**30) for one in gpus]
    monkeypatch.setattr(device_lib, "list_local_devices", lambda: found)
    assert gpu_memory_gb() == gb
