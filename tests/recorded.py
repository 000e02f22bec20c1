"""What oracles answered (`oracles.json`), and the inputs that they were asked about.

MONAI, PyTorch and surface-distance are too large for every test run, so `benchmarks/oracles.py`
asked them once. Inputs are not stored: they are drawn again here, from the numbers of a case.
Nothing here needs TensorFlow, which does not share a process with every PyTorch.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

RECORD = Path(__file__).with_name("oracles.json")

Case = dict[str, Any]

# What each oracle was asked about, a case a row.
CASES: dict[str, list[Case]] = {
    "mask scores of surface-distance": [
        {"seed": seed, "axes": axes, "smooth": smooth, "tolerance": (0.0, 0.5, 1.0, 2.5)[seed]}
        for seed, axes, smooth in itertools.product(range(4), (2, 3), (0.0, 1.5))
    ],
    "mask scores of MONAI": [
        {"seed": seed, "axes": axes, "smooth": 1.5, "tolerance": 1.0}
        for seed, axes in itertools.product(range(4), (2, 3))
    ],
    "overlap losses of MONAI": [
        {"seed": 7, "shape": shape, "classes": 3, "background": background, "batch": batch}
        for shape, background, batch in itertools.product(
            ([2, 8, 9], [2, 4, 5, 6]), (False, True), (False, True)
        )
    ],
    "clDice of MONAI": [
        {"seed": 3, "shape": shape, "classes": 2} for shape in ([3, 12, 14], [2, 7, 8, 9])
    ],
    "window weights of MONAI": [{"length": length} for length in (5, 16, 33)],
    "sliding windows of MONAI": [
        {"size": [12, 9, 6], "patch": [6, 6, 4]},
        {"size": [16, 20], "patch": [8, 8]},
    ],
}


def cases_of(oracle: str) -> list[Case]:
    """The cases of an oracle, for `pytest.mark.parametrize`."""
    return CASES[oracle]


def answers(oracle: str, case: Case, *inputs: np.ndarray) -> dict[str, Any]:
    """What an oracle answered, after a check that it saw these very inputs."""
    rows = [row for row in _record()["answers"][oracle] if row["case"] == case]
    assert len(rows) == 1, f"run benchmarks/oracles.py: {len(rows)} answers to {case}"
    drawn = [fingerprint(array) for array in inputs]
    assert np.allclose(rows[0]["inputs"], drawn, rtol=1e-6, atol=0), (
        "NumPy or SciPy draws other inputs than the oracle saw: run benchmarks/oracles.py"
    )
    return rows[0]["answers"]


@functools.cache
def _record() -> dict[str, Any]:
    return json.loads(RECORD.read_text(encoding="utf-8"))


def fingerprint(array: np.ndarray) -> float:
    """A sum that tells one input from another."""
    return float(array.ravel().astype(np.float64) @ np.linspace(1, 2, array.size))


def blobs(seed: int, shape: tuple[int, ...], smooth: float = 1.5) -> np.ndarray:
    """A random mask, in several pieces and cut by the edges of the image."""
    noise = np.random.default_rng(seed).normal(size=shape)
    return ndimage.gaussian_filter(noise, smooth) > 0.05 if smooth else noise > 0.8


def pair(seed: int, axes: int, smooth: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Two masks of one shape."""
    shape = ((23, 31), (9, 21, 17))[axes - 2]
    return blobs(seed, shape, smooth), blobs(seed + 1000, shape, smooth)


def spacing_of(case: Case) -> tuple[float, ...]:
    """Unequal lengths of a voxel, in mm."""
    return tuple(np.random.default_rng(case["seed"] + 50).uniform(0.4, 4.0, case["axes"]).tolist())


def labels_and_logits(
    seed: int, shape: Sequence[int], classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Labels of a batch, int64, and what a network may have said of them."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, shape)
    return labels, rng.normal(size=(*shape, classes)).astype(np.float32)


def noise(*shape: int) -> np.ndarray:
    """A normalised image."""
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def placed_of(patches: np.ndarray) -> np.ndarray:
    """A network whose answer depends on the whole patch and on the place in it."""
    ramp = np.arange(patches.shape[-2], dtype=np.float64)[:, None]
    mean = patches.mean(axis=tuple(range(1, patches.ndim)), keepdims=True, dtype=np.float64)
    return np.concatenate([patches + ramp, patches * mean], -1)
