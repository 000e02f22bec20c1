"""Voxels a second of sliding-window inference: tfmed's against MONAI's, in one run.

Both sides slide the same 3D U-Net (equal numbers of parameters, MONAI's in PyTorch) over the same
normalised volume: half a patch of overlap, Gaussian weights, softmax of each window, float32, as
many threads. Rounds alternate between the sides, so that a slow moment of the machine falls on
both, and the median of the rounds' ratios is printed. Needs the extra `peers`.

    python benchmarks/segment_inference.py [--rounds 5] [--size 100 112 100] [--patch 40 56 40]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
import torch
from monai.inferers import sliding_window_inference
from monai.networks.nets import DynUNet

from tfmed import inference, models
from tfmed.inference.windows import grid

FEATURES = (32, 64, 128)
STRIDES = ((1, 1, 1), (2, 2, 2), (2, 2, 2))
KERNELS = ((3, 3, 3),) * 3
CLASSES, OVERLAP = 3, 0.5
THREADS = len(os.sched_getaffinity(0))


def with_tfmed(
    volume: np.ndarray, patch: tuple[int, ...], batch_size: int
) -> tuple[Callable[[], np.ndarray], int]:
    """Our side: a function that segments the volume, and the network's number of parameters."""
    model = models.build_segmenter(
        "unet", 1, CLASSES, features=FEATURES, strides=STRIDES, kernels=KERNELS
    )
    networks = inference.Ensemble([inference.network(model)])

    def answer() -> np.ndarray:
        return inference.slide(volume, networks, patch, overlap=OVERLAP, batch_size=batch_size)

    return answer, model.count_params()


def with_monai(
    volume: np.ndarray, patch: tuple[int, ...], batch_size: int
) -> tuple[Callable[[], np.ndarray], int]:
    """MONAI's side, likewise."""
    model = DynUNet(
        3,
        1,
        CLASSES,
        kernel_size=KERNELS,
        strides=STRIDES,
        upsample_kernel_size=STRIDES[1:],
        filters=FEATURES,
        norm_name=("INSTANCE", {"affine": True}),
    ).eval()
    given = torch.from_numpy(np.ascontiguousarray(np.moveaxis(volume, -1, 0)))[None]

    def answer() -> np.ndarray:
        with torch.inference_mode():
            found = sliding_window_inference(
                given,
                patch,
                batch_size,
                lambda windows: torch.softmax(model(windows), 1),
                overlap=OVERLAP,
                mode="gaussian",
            )
        return np.moveaxis(found[0].numpy(), 0, -1)

    return answer, sum(weights.numel() for weights in model.parameters())


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, nargs=3, default=(100, 112, 100))
    parser.add_argument("--patch", type=int, nargs=3, default=(40, 56, 40))
    parser.add_argument("--batch-size", type=int, default=1, help="windows a call, on both sides")
    given = parser.parse_args()
    torch.set_num_threads(THREADS)
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    size, patch = tuple(given.size), tuple(given.patch)
    volume = np.random.default_rng(0).normal(size=(*size, 1)).astype(np.float32)
    ours, parameters = with_tfmed(volume, patch, given.batch_size)
    theirs, others = with_monai(volume, patch, given.batch_size)
    if parameters != others:
        raise SystemExit(f"the networks differ: {parameters:,} and {others:,} parameters")
    sides = {"tfmed": ours, "MONAI": theirs}
    shapes = {answer().shape for answer in sides.values()}  # and warms up
    if shapes != {(*size, CLASSES)}:
        raise SystemExit(f"the sides gave shapes {shapes}")
    windows = len(grid(size, patch, OVERLAP))
    print(
        f"{size} voxels, {windows} windows of {patch}, {given.batch_size} a call, "
        f"{parameters:,} parameters, {THREADS} threads, {given.rounds} rounds"
    )
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(given.rounds):
        for name in list(sides)[:: 1 if turn % 2 else -1]:
            started = time.perf_counter()
            sides[name]()
            rates[name].append(volume.size / (time.perf_counter() - started))
    for name, values in rates.items():
        print(f"  {name:6} {np.median(values):10,.0f} voxels/s")
    ratio = np.median(np.array(rates["tfmed"]) / np.array(rates["MONAI"]))
    print(f"tfmed is {ratio:.2f} times as fast")


if __name__ == "__main__":
    main()
