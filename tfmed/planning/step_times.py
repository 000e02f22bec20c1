"""How long a training step takes on this machine: measured once a processor, and kept.

A plan must know what fits its time before anything is trained. Steps of a candidate are timed,
and the seconds kept beside the facts of files, under what they depend on: the processor, its
cores, whether oneDNN is on, and TensorFlow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tfmed import hardware, log
from tfmed.data import home
from tfmed.run import write_text

# Seconds of training that a plan asks for where nobody has said how long it may take, at most.
MOST_SECONDS = 1800.0
# The rest goes to validation, backups and compiling.
TRAINING_SHARE = 0.8
AVERAGED_SHARE = 0.05


def step_seconds(network: tuple[Any, ...], measure: Callable[[], float]) -> float:
    """Seconds of a training step on this machine.

    Args:
        network: all that tells one candidate's steps from another's, as plain data.
        measure: times some steps; called where that was not done on this machine yet.
    """
    file, name = _file(), hashlib.sha256(repr(network).encode()).hexdigest()[:16]
    known = _read(file)
    if name not in known:
        log.info("timing some steps on this machine, to plan with")
        known[name] = measure()
        file.parent.mkdir(parents=True, exist_ok=True)
        # What another process has written meanwhile is read again.
        write_text(file, json.dumps(_read(file) | {name: known[name]}))
    return known[name]


def ema_decay(steps: int, most: float) -> float:
    """The decay of a moving average of weights that has left its start well before the end.

    Args:
        steps: of the training.
        most: the decay of a long one.
    """
    averaged = max(round(AVERAGED_SHARE * steps), 10)
    return min(round(1 - 1 / averaged, 4), most)


def _file() -> Path:
    about = {**hardware.describe(), "tensorflow": _tensorflow()}
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    return home() / "pace" / f"{digest}.json"


def _tensorflow() -> str:
    try:
        return version("tensorflow")
    except PackageNotFoundError:  # other builds of it have names of their own
        return "unknown"


def _read(file: Path) -> dict[str, float]:
    """What is kept; nothing where the file is not there, or was damaged."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    pairs = found.items() if isinstance(found, dict) else ()
    return {key: float(value) for key, value in pairs if isinstance(value, (int, float))}
