"""Images a second of training a classifier: tfmed's loop against Keras' and PyTorch's.

All sides train the same network with the same batch, loss and AdamW with weight decay, on images
in memory; no augmentation, metrics or callbacks. `fit` runs as a user gets it
(`jit_compile="auto"`, which is XLA also on a CPU) and tuned (no XLA, many steps an execution), from
our own tf.data pipeline. PyTorch runs eager, in its own memory layout and with channels last, and
its ratio is to the better of the two. TensorFlow runs with oneDNN, which tfmed turns on where
TensorFlow does not; ours also without, so that what it gains is seen. Needs the extra `peers`.

    python benchmarks/train.py [--problem "resnet_small 128x128"] [--rounds 5] [--seconds 3]
"""

from __future__ import annotations

import argparse

import problems
import sides
from sides import Side

# What `fit` is compiled with: whether many steps are one execution, XLA.
FITS: dict[str, tuple[bool, bool | str]] = {
    "keras fit, as it comes": (False, "auto"),
    "keras fit, no XLA": (False, False),
    "keras fit, no XLA, many steps an execution": (True, False),
}


def sides_of(problem: str, precision: str, average: float) -> dict[str, Side]:
    """The sides on one network; ours first."""
    asked = {"problem": problem, "precision": precision}
    fits = {
        name: Side(
            "sides_tfmed:keras_fit", {**asked, "in_one_call": many, "jit": jit}, sides.TENSORFLOW
        )
        for name, (many, jit) in FITS.items()
    }
    ours = sides.ours("classifier", {**asked, "average": average})
    return {**ours, **fits, **sides.layouts("classifier", asked)}


def compare(problem: str, precision: str, rounds: int, seconds: float, average: float) -> None:
    """Measure all sides on one network and print images/s and ratios."""
    _, _, batch_size, steps = problems.CLASSIFIED[problem]
    with sides.started(sides_of(problem, precision, average)) as running:
        count = sides.same_network(running)
        found = sides.rates(running, rounds, seconds, least=steps)
        print(f"{problem}, {precision}, batch {batch_size}, {count:,} parameters, {rounds} rounds")
        sides.report(running, found, batch_size, "images/s")


def main() -> None:
    """Compare on each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one side's round, about")
    parser.add_argument("--average", type=float, default=0.0, help="tfmed's moving average")
    parser.add_argument("--problem", nargs="+", choices=list(problems.CLASSIFIED),
                        default=list(problems.CLASSIFIED))  # fmt: skip
    parser.add_argument("--precision", choices=problems.PRECISIONS, default="float32")
    given = parser.parse_args()
    for problem in given.problem:
        compare(problem, given.precision, given.rounds, given.seconds, given.average)


if __name__ == "__main__":
    main()
