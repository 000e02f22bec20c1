"""Counts of voxels against hand calculation and scikit-learn, on one device and on two."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import counts_two_devices
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import confusion_matrix

from tfmed.metrics.counts import count, dice

LABELS = np.array([[0, 1, 1, 1, 2, -1]])
FOUND = np.array([[0, 1, 1, 0, 1, 2]])
LOGITS = np.eye(3, dtype=np.float32)[FOUND]
COUNTS = [[[1, 1, 0], [2, 1, 1], [0, 0, 1]]]


def test_counts_are_those_worked_by_hand() -> None:
    found = count(LABELS[:, None], LOGITS[:, None])
    assert found.dtype == tf.int64
    assert found.numpy().tolist() == COUNTS


def test_one_hot_targets_and_compiled_counts_are_the_same() -> None:
    one_hot = np.eye(3, dtype=np.float32)[LABELS]
    one_hot[LABELS < 0] = np.nan
    compiled = tf.function(count, jit_compile=True)
    assert compiled(one_hot[:, None], LOGITS[:, None]).numpy().tolist() == COUNTS


def test_classes_that_do_not_exclude_each_other_are_called_above_0() -> None:
    targets = np.float32([[[1, 1], [1, 0], [0, 0]]])
    logits = np.float32([[[2, -1], [3, 1], [-1, -1]]])
    found = count(targets[:, None], logits[:, None], multi_label=True)
    assert found.numpy().tolist() == [[[2, 0, 0], [0, 1, 1]]]


def test_dice_follows_from_the_counts_and_is_undefined_without_voxels() -> None:
    found = dice(tf.constant([*COUNTS[0], [0, 0, 0]], tf.int64)).numpy()
    assert found[:3] == pytest.approx([2 / 3, 4 / 6, 0])
    assert math.isnan(found[3])


def test_two_devices_count_as_scikit_learn_does() -> None:
    script = Path(counts_two_devices.__file__)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    labels, logits = counts_two_devices.examples()
    known = labels >= 0
    matrix = confusion_matrix(labels[known], logits.argmax(-1)[known], labels=range(4))
    right = matrix.diagonal()
    expected = np.stack([right, matrix.sum(0) - right, matrix.sum(1) - right], axis=1)
    assert found["counts"] == expected.tolist()
    share = 2 * right[:3] / (matrix.sum(0) + matrix.sum(1))[:3]
    assert found["dice"][:3] == pytest.approx(share)
    assert math.isnan(found["dice"][3])
