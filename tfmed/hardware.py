"""The processor: its vector units, and whether TensorFlow's oneDNN kernels are on.

TensorFlow turns oneDNN on by itself only where the processor has VNNI, bfloat16 or AMX. Elsewhere
it computes by Eigen without a word: measured on AVX-512 without VNNI, images train at half the
speed, and the backward pass of a 3D convolution takes ten to twenty times as long. The switch is an
environment variable that TensorFlow reads while it loads, so `import tfmed` sets it, for child
processes too.
"""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from pathlib import Path
from typing import Any

SWITCH = "TF_ENABLE_ONEDNN_OPTS"
NOT_KNOWN = "not known"
# Handed on beside the switch, so that a child process does not take it for the user's.
_MARK = "TFMED_SET_ONEDNN"
_CPUINFO = Path("/proc/cpuinfo")
_TENSORFLOW_WAS_FIRST = "tensorflow" in sys.modules
# A unit is there with any of these flags; what oneDNN calls AVX-512 begins with avx512bw.
_FLAGS = {
    "avx2": {"avx2"},
    "avx512": {"avx512bw"},
    "vnni": {"avx_vnni", "avx512_vnni"},
    "bf16": {"avx512_bf16", "amx_bf16"},
    "amx": {"amx_tile"},
}
# What ONEDNN_MAX_CPU_ISA leaves; oneDNN takes all other values for no limit.
_LIMITS: dict[str, tuple[str, ...]] = {
    "sse41": (),
    "avx": (),
    "avx2": ("avx2",),
    "avx2_vnni": ("avx2", "vnni"),
    "avx2_vnni_2": ("avx2", "vnni"),
    "avx512_core": ("avx2", "avx512"),
    "avx512_core_vnni": ("avx2", "avx512", "vnni"),
    "avx512_core_bf16": ("avx2", "avx512", "vnni", "bf16"),
    "avx512_core_fp16": ("avx2", "avx512", "vnni", "bf16"),
    "avx10_1_512": ("avx2", "avx512", "vnni", "bf16"),
}


def enable_onednn() -> None:
    """Set the switch, unless the user has or TensorFlow is loaded and would not see it.

    On ARM nothing was measured, and TensorFlow's choice stays.
    """
    if SWITCH not in os.environ and not _TENSORFLOW_WAS_FIRST and _is_x86():
        os.environ[SWITCH] = os.environ[_MARK] = "1"


def onednn() -> bool | None:
    """Whether oneDNN is on in this process; None while TensorFlow is not loaded."""
    port = sys.modules.get("tensorflow.python.util._pywrap_util_port")
    return None if port is None else bool(port.IsMklEnabled())


def vector_units(cpuinfo: Path = _CPUINFO) -> list[str]:
    """What oneDNN may use of avx2, avx512, vnni, bf16 and amx; [] where that is not known.

    Args:
        cpuinfo: the file in which Linux describes the processor.
    """
    flags = set(_facts(cpuinfo).get("flags", "").split())
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA", "")
    allowed = _LIMITS.get(limit.lower(), tuple(_FLAGS))
    return [unit for unit in allowed if flags & _FLAGS[unit]]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe(cpuinfo: Path = _CPUINFO) -> dict[str, Any]:
    """The machine as far as it decides on speed and on the last bits of numbers.

    Args:
        cpuinfo: the file in which Linux describes the processor.

    Returns:
        `processor`, its model's name; `cores` that may be used; `vector_units`, as the function,
        each of these `"not known"` where the system does not tell; `onednn`, on or off, None
        while TensorFlow is not loaded; `onednn_set_by`, `"user"`, `"tfmed"` or `"tensorflow"`.
        Nothing tells one machine of a model from another.
    """
    facts = _facts(cpuinfo)
    return {
        "processor": facts.get("model name", NOT_KNOWN),
        "cores": cores(),
        "vector_units": vector_units(cpuinfo) if "flags" in facts else NOT_KNOWN,
        "onednn": onednn(),
        "onednn_set_by": _who_set_it(),
    }


@cache
def tell(cpuinfo: Path = _CPUINFO) -> None:
    """Say on what training runs, once in a process, and warn where oneDNN was lost.

    Args:
        cpuinfo: the file in which Linux describes the processor.
    """
    # Its console takes a tenth of a second to import, which `import tfmed` need not wait for.
    from tfmed import log

    facts = describe(cpuinfo)
    units = facts["vector_units"]
    words = {True: "on", False: "off", None: NOT_KNOWN}
    log.info(
        f"processor: {facts['processor']}, cores: {facts['cores']}, "
        f"vector units: {units if units == NOT_KNOWN else ' '.join(units) or 'none'}, "
        f"oneDNN: {words[facts['onednn']]}, set by {facts['onednn_set_by']}"
    )
    asked = os.environ.get(SWITCH, "1").lower() in ("1", "true")
    if _TENSORFLOW_WAS_FIRST and _is_x86() and asked and not facts["onednn"]:
        log.warning(
            "TensorFlow was loaded before tfmed, and its oneDNN kernels are off: on the processor, "
            "images train up to 2 times slower, volumes up to 20 times; import tfmed before "
            f"tensorflow, or set {SWITCH}=1"
        )


def _who_set_it() -> str:
    value = os.environ.get(SWITCH)
    if value is None:
        return "tensorflow"
    return "tfmed" if value == os.environ.get(_MARK) else "user"


def _is_x86() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64")


def _facts(cpuinfo: Path) -> dict[str, str]:
    """The lines on the first core; none where the system has no such file."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
