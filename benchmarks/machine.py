"""What a benchmark ran on, for the lines beside its ratios: they mean little without it."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

# Vector units that decide which kernels run, by any of the flags that Linux gives them.
UNITS = {
    "avx2": ("avx2",),
    "avx512": ("avx512f",),
    "vnni": ("avx512_vnni", "avx_vnni"),
    "bf16": ("avx512_bf16", "amx_bf16"),
    "amx": ("amx_tile",),
}


def described(onednn: bool | None = None) -> str:
    """The processor's name, its cores that are ours, its vector units and oneDNN, in one line.

    Args:
        onednn: whether it is on; None where it is said elsewhere, or nothing runs on TensorFlow.
    """
    facts = _facts()
    flags = set(facts.get("flags", "").split())
    units = [name for name, any_of in UNITS.items() if flags.intersection(any_of)]
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA")
    return (
        f"{facts.get('model name', platform.processor() or platform.machine())}, "
        f"{cores()} cores, {' '.join(units) or 'vector units unknown'}"
        f"{'' if onednn is None else f', oneDNN {on_or_off(onednn)}'}"
        f"{f', oneDNN held to {limit}' if limit else ''}"
    )


def on_or_off(onednn: bool) -> str:
    """In words."""
    return "on" if onednn else "off"


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def tensorflow_onednn() -> bool:
    """Whether this process's TensorFlow runs on oneDNN's kernels."""
    from tensorflow.python.util import _pywrap_util_port

    return bool(_pywrap_util_port.IsMklEnabled())


def torch_onednn() -> bool:
    """Whether this process's PyTorch does."""
    import torch

    return bool(torch.backends.mkldnn.is_available())


def keep_tensorflow_out() -> None:
    """Let MONAI be imported without TensorFlow, which it loads into PyTorch's process if it can."""
    sys.modules["tensorflow"] = None  # type: ignore[assignment]


def _facts() -> dict[str, str]:
    """What Linux says of the first core; nothing on another system."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").split("\n\n")[0].splitlines() if path.exists() else ()
    pairs = [line.partition(":") for line in lines]
    return {name.strip(): value.strip() for name, _, value in pairs}


if __name__ == "__main__":
    print(described())
