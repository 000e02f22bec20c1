"""Run by test_optimising.py and killed: train the small network, deterministic, in given folders.

Prints, of each folder, a digest of the weights that `fit` returns.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, str(Path(__file__).parents[1]))

import keras
from training import toy

from tfmed.training import loop, pace


def validate(model: keras.Model) -> dict[str, float]:
    """Slow enough to be killed in the middle."""
    time.sleep(0.1)
    return toy.validate(model)


def main() -> None:
    """Train in each folder of the command line."""
    # Short calls and a backup after each: the kill falls at any step.
    loop.BACKUP_SECONDS = 0.05
    pace.CALL_SECONDS = 0.002
    for folder in sys.argv[1:]:
        model = toy.fit(
            Path(folder), epochs=8, ema_decay=0.9, deterministic=True, validate=validate
        )
        weights = b"".join(weight.tobytes() for weight in model.get_weights())
        print(hashlib.sha256(weights).hexdigest())


if __name__ == "__main__":
    main()
