"""Ask MONAI and surface-distance what the tests compare with, and write `tests/oracles.json`.

The tests draw the same inputs from the same numbers (`tests/recorded.py`, where a new case is a
new row) and compare with the record, so that no test run needs the oracles. Needs the extra
`peers`; a minute.

    python benchmarks/oracles.py
"""

# ruff: noqa: E402  (MONAI may be imported only when TensorFlow cannot be)

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import machine
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
machine.keep_tensorflow_out()

import recorded
import surface_distance
import torch
from monai import losses, metrics
from monai.data.utils import compute_importance_map
from monai.inferers import sliding_window_inference

ORACLES = ("monai", "torch", "surface-distance", "numpy", "scipy")
SIGMA = 1 / 8  # of a window's length, in the weights of its voxels

Answered = tuple[tuple[np.ndarray, ...], dict[str, Any]]


def scores_of_surface_distance(case: recorded.Case) -> Answered:
    """Overlap, surface overlap and the Hausdorff distance of two masks."""
    truth, predicted = recorded.pair(case["seed"], case["axes"], case["smooth"])
    apart = surface_distance.compute_surface_distances(truth, predicted, recorded.spacing_of(case))
    near = surface_distance.compute_surface_dice_at_tolerance(apart, case["tolerance"])
    return (truth, predicted), {
        "dice": float(surface_distance.compute_dice_coefficient(truth, predicted)),
        "nsd": float(near),
        "hd95_mm": float(surface_distance.compute_robust_hausdorff(apart, 95)),
    }


def scores_of_monai(case: recorded.Case) -> Answered:
    """Overlap and surface overlap of two masks."""
    truth, predicted = recorded.pair(case["seed"], case["axes"], case["smooth"])
    both = [torch.from_numpy(np.stack([~mask, mask])[None]) for mask in (predicted, truth)]
    near = metrics.compute_surface_dice(
        *both, [case["tolerance"]], spacing=recorded.spacing_of(case), use_subvoxels=True
    )
    return (truth, predicted), {
        "nsd": float(near),
        "dice": float(metrics.compute_dice(*both, include_background=False)),
        "iou": float(metrics.compute_iou(*both, include_background=False)),
    }


def overlap_losses(case: recorded.Case) -> Answered:
    """The Dice and the Tversky loss, means over the batch."""
    drawn = recorded.labels_and_logits(case["seed"], case["shape"], case["classes"])
    options = {"include_background": case["background"], "batch": case["batch"]}
    options |= {"softmax": True, "to_onehot_y": True, "smooth_nr": 1e-5, "smooth_dr": 1e-5}
    return drawn, {
        "dice": float(losses.DiceLoss(**options)(*_as_torch(*drawn))),
        "tversky": float(losses.TverskyLoss(alpha=0.3, beta=0.7, **options)(*_as_torch(*drawn))),
    }


def cl_dice(case: recorded.Case) -> Answered:
    """The clDice loss of each image."""
    drawn = recorded.labels_and_logits(case["seed"], case["shape"], case["classes"])
    loss = losses.SoftclDiceLoss(
        iter_=3, smooth=1e-12, include_background=False, softmax=True, to_onehot_y=True,
        reduction="none",
    )  # fmt: skip
    return drawn, {"cl_dice": loss(*_as_torch(*drawn)).tolist()}


def window_weights(case: recorded.Case) -> Answered:
    """What the voxels of a window count along one axis."""
    weights = compute_importance_map((case["length"],), mode="gaussian", sigma_scale=SIGMA)
    return (), {"weights": weights.tolist()}


def sliding_windows(case: recorded.Case) -> Answered:
    """An image answered window by window, half a window apart."""
    image = recorded.noise(*case["size"], 1)

    def network(windows: torch.Tensor) -> torch.Tensor:
        found = recorded.placed_of(np.moveaxis(windows.numpy(), 1, -1))
        return torch.from_numpy(np.moveaxis(found, -1, 1).astype(np.float32))

    # Its own weights never fall below 1e-3 of the largest, so that along the border of an image
    # all windows count the same; plain ones go in.
    weights = np.ones(())
    for length in case["patch"]:
        away = (np.arange(length) - (length - 1) / 2) / (length * SIGMA)
        weights = np.multiply.outer(weights, np.exp(-0.5 * away**2))
    found = sliding_window_inference(
        torch.from_numpy(np.moveaxis(image, -1, 0).copy())[None],
        case["patch"],
        3,
        network,
        overlap=0.5,
        mode="gaussian",
        roi_weight_map=torch.from_numpy(weights.astype(np.float32)),
    )
    return (image,), {"blended": np.moveaxis(found[0].numpy(), 0, -1).ravel().tolist()}


def _as_torch(labels: np.ndarray, logits: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(np.moveaxis(logits, -1, 1).copy()), torch.from_numpy(labels[:, None])


ASKED: dict[str, Callable[[recorded.Case], Answered]] = {
    "mask scores of surface-distance": scores_of_surface_distance,
    "mask scores of MONAI": scores_of_monai,
    "overlap losses of MONAI": overlap_losses,
    "clDice of MONAI": cl_dice,
    "window weights of MONAI": window_weights,
    "sliding windows of MONAI": sliding_windows,
}


def row(oracle: str, case: recorded.Case) -> str:
    """One case and its answers, a line of JSON; numbers to nine digits, more than float32 holds."""
    inputs, answers = ASKED[oracle](case)
    drawn = [recorded.fingerprint(array) for array in inputs]
    return json.dumps({"case": case, "inputs": drawn, "answers": _rounded(answers)})


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else float(f"{value:.9g}")


def main() -> None:
    """Ask for every case, and write."""
    versions = json.dumps({name: version(name) for name in ORACLES})
    parts = []
    for oracle, cases in recorded.CASES.items():
        lines = ",\n   ".join(row(oracle, case) for case in cases)
        parts.append(f'  "{oracle}": [\n   {lines}\n  ]')
    answers = ",\n".join(parts)
    text = f'{{\n "versions": {versions},\n "answers": {{\n{answers}\n }}\n}}\n'
    recorded.RECORD.write_text(text, encoding="utf-8")
    print(f"{recorded.RECORD}: {len(text):,} bytes")


if __name__ == "__main__":
    main()
