"""`Machine`: what a plan is made for, and the time that it has."""

from __future__ import annotations

from dataclasses import dataclass

from tfmed import hardware

REFERENCE_GB = 8.0  # nnU-Net's, for training


@dataclass(frozen=True)
class Machine:
    """What a plan is made for.

    Attributes:
        accelerated: whether a GPU is there.
        cores: of the CPU that may be used.
        memory_gb: for training; None where nobody has said.
        seconds: of training, validation included; None where nobody has said.
        limited: whether the clock ends training after `seconds`.
        timed: whether steps may be timed here, so that the plan knows this machine's pace;
            nothing that a clock measured enters it without.
    """

    accelerated: bool = False
    cores: int = 1
    memory_gb: float | None = None
    seconds: float | None = None
    limited: bool = False
    timed: bool = False


def here(
    memory_gb: float | None = None,
    seconds: float | None = None,
    limited: bool = False,
    timed: bool = True,
) -> Machine:
    """This machine; arguments as of `Machine`."""
    import tensorflow as tf

    accelerated = bool(tf.config.list_physical_devices("GPU"))
    return Machine(accelerated, hardware.cores(), memory_gb, seconds, limited, timed)


def gpu_memory_gb() -> float:
    """Memory that TensorFlow may take of the smallest GPU."""
    from tensorflow.python.client import device_lib

    devices = device_lib.list_local_devices()
    found = [one.memory_limit for one in devices if one.device_type == "GPU"]
    return min(found) / 2**30 if found else REFERENCE_GB
