"""Voxels a second of training a U-Net, and of sliding it over an image: tfmed against PyTorch.

All sides train the same layers (deep supervision, Dice with cross-entropy, SGD with Nesterov
momentum) on the same batch in memory; no augmentation. Sliding is by our windows and by MONAI's:
half a window of overlap, Gaussian weights, softmax of each window, as many windows a call. PyTorch
runs eager, in its own memory layout and with channels last, and its ratio is to the better of the
two. TensorFlow runs with oneDNN, which tfmed turns on where TensorFlow does not; ours also without,
so that what it gains is seen. As many threads as there are cores. Needs the extra `peers`.

    python benchmarks/segment.py [--only train slide] [--problem volume image] [--rounds 5]
"""

from __future__ import annotations

import argparse
import math

import problems
import sides


def sides_of(function: str, **asked: str) -> dict[str, sides.Side]:
    """The sides of one function; ours first."""
    return {**sides.ours(function, asked), **sides.layouts(function, asked)}


def train(problem: str, precision: str, rounds: int, seconds: float) -> None:
    """Measure training on one network and print voxels/s and ratios."""
    patch, batch_size, features = problems.SEGMENTED[problem]
    with sides.started(sides_of("segmenter", problem=problem, precision=precision)) as running:
        count = sides.same_network(running)
        found = sides.rates(running, rounds, seconds)
        print(
            f"train {problem}: {batch_size} of {patch}, features {features}, {count:,} parameters, "
            f"{precision}, {rounds} rounds"
        )
        sides.report(running, found, batch_size * math.prod(patch) / 1e3, "thousand voxels/s")


def slide(problem: str, rounds: int, seconds: float) -> None:
    """Measure segmenting one image and print voxels/s and ratios."""
    size, patch, features, windows = problems.SLID[problem]
    with sides.started(sides_of("sliding", problem=problem)) as running:
        count = sides.same_network(running)
        found = sides.rates(running, rounds, seconds, least=1)
        print(
            f"slide {problem}: windows of {patch} over {size}, {windows} a call, features "
            f"{features}, {count:,} parameters, float32, {rounds} rounds"
        )
        sides.report(running, found, math.prod(size) / 1e3, "thousand voxels/s")


def main() -> None:
    """Compare on each problem."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = list(problems.SEGMENTED)
    parser.add_argument("--only", nargs="+", choices=("train", "slide"), default=("train", "slide"))
    parser.add_argument("--problem", nargs="+", choices=known, default=known)
    parser.add_argument("--precision", choices=problems.PRECISIONS, default="float32",
                        help="of training")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one side's round, about")
    given = parser.parse_args()
    for problem in given.problem:
        if "train" in given.only:
            train(problem, given.precision, given.rounds, given.seconds)
        if "slide" in given.only and problem in problems.SLID:
            slide(problem, given.rounds, given.seconds)


if __name__ == "__main__":
    main()
