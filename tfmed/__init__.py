"""tfmed: from scans to a checked, explained, deployed model, on TensorFlow and Keras."""

from __future__ import annotations

import importlib
from typing import Any

from tfmed import hardware

__version__ = "0.1.0"

# What `import tfmed` gives. A submodule is imported when it is first asked for, so that a
# command's --help does not wait for TensorFlow.
SUBMODULES = (
    "config",
    "data",
    "errors",
    "evaluation",
    "explain",
    "export",
    "feed",
    "inference",
    "io",
    "losses",
    "measure",
    "metrics",
    "models",
    "planning",
    "run",
    "statistics",
    "tasks",
    "training",
    "transforms",
)

# TensorFlow reads the switch while it loads, so it is set here, before any submodule loads it.
hardware.enable_onednn()

__all__ = ["__version__", *SUBMODULES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in SUBMODULES:
        return importlib.import_module(f"tfmed.{name}")
    raise AttributeError(f"module 'tfmed' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
