"""How long the training steps of networks take here."""

from __future__ import annotations

import time
from collections.abc import Callable

import tensorflow as tf

from tfmed.task import MakeStep, Networks
from tfmed.training.program import Program
from tfmed.training.settings import Settings

ENOUGH_SECONDS = 1.0
MOST_STEPS = 64


def timed_step(
    networks: Callable[[], Networks],
    step: MakeStep,
    batches: tf.data.Dataset,
    settings: Settings,
    strategy: tf.distribute.Strategy,
) -> float:
    """Seconds of a training step, without its compilation.

    Args:
        networks: makes them.
        step: makes their training step.
        batches: as many as are asked for, made as those of the training are.
        settings: how to train.
        strategy: over which devices.
    """
    program = Program(networks, step, settings, strategy)
    iterator = program.iterator(batches)
    program.run(iterator, 1)
    program.run(iterator, 1)
    done, steps, started = 0, 1, time.monotonic()
    while True:
        program.run(iterator, steps)
        done += steps
        seconds = time.monotonic() - started
        if seconds >= ENOUGH_SECONDS or done >= MOST_STEPS:
            return seconds / done
        steps = min(2 * steps, MOST_STEPS - done)
