"""Over which devices, and in which precision, training runs."""

from __future__ import annotations

import tensorflow as tf

from tfmed import hardware, log
from tfmed.errors import ConfigError
from tfmed.training.settings import PRECISIONS

STRATEGIES = ("auto", "one", "mirrored")
# Measured on two AVX512_BF16 cores against float32: resnet_small 1.3 times the images/s at
# 28x28 and 1.2 to 1.4 at 128x128, convnet 1.3 at 28x28; efficientnet_v2_b0 0.9 and
# mobilenet_v3_small 0.6 at 128x128, as depthwise convolutions have no fast bfloat16 kernel.
_BF16_MIN_SIDE = 28
_DEPTHWISE = ("convnext", "efficientnet", "mobilenet")


def choose(name: str = "auto") -> tf.distribute.Strategy:
    """The strategy of that name.

    Args:
        name: `"one"` for one device (the first GPU, or the CPU); `"mirrored"` for all GPUs of
            this machine, or all logical CPU devices where there is no GPU; `"auto"` for
            mirrored when there is more than one GPU, else one.

    Returns:
        A strategy; make the model inside its scope.

    Raises:
        ConfigError: the name is none of these.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if name == "auto":
        name = "mirrored" if len(gpus) > 1 else "one"
    if name == "one":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        devices = [device.name for device in gpus or tf.config.list_logical_devices("CPU")]
        if len(devices) == 1:
            log.warning(f"strategy mirrored: there is one device only, {devices[0]}")
        return tf.distribute.MirroredStrategy(devices)
    if name == "multiworker":
        raise ConfigError(
            "strategy multiworker is not available yet; use mirrored for the GPUs of one machine"
        )
    raise ConfigError(f"strategy is {name!r}; expected one of {', '.join(STRATEGIES)}")


def precision(name: str, image_shape: tuple[int, ...], network: str = "") -> str:
    """The precision policy to train with.

    Args:
        name: `"auto"`, or one of Keras' policies, which is returned as it is.
        image_shape: of the network's input without the batch, as (H, W, C).
        network: its name in `models.MODELS`; on a CPU those of depthwise convolutions are
            slower in bfloat16.

    Returns:
        `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`. For `"auto"`: on GPUs bfloat16
        from compute capability 8, float16 from 7; on a CPU bfloat16 where it has instructions
        for it, images have 28 pixels or more a side and the network gains.

    Raises:
        ConfigError: the name is none of these, or bfloat16 is asked for volumes on a CPU:
            TensorFlow 2.21 gives wrong gradients there (Conv3DBackpropFilterV2 where a feature
            volume is 2 deep reads memory that it has not written).
    """
    gpus = tf.config.list_physical_devices("GPU")
    is_volume = len(image_shape) > 3
    if name != "auto":
        if name not in PRECISIONS:
            known = ", ".join(("auto", *PRECISIONS))
            raise ConfigError(f"precision is {name!r}; expected one of {known}")
        if name == "mixed_bfloat16" and is_volume and not gpus:
            raise ConfigError(
                "precision mixed_bfloat16 gives wrong gradients for volumes on a CPU in this "
                "TensorFlow; use float32"
            )
        return name
    if gpus:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        capability = min(detail.get("compute_capability", (0, 0)) for detail in details)
        if capability >= (8, 0):
            return "mixed_bfloat16"
        return "mixed_float16" if capability >= (7, 0) else "float32"
    pays = min(image_shape[:-1]) >= _BF16_MIN_SIDE and not network.startswith(_DEPTHWISE)
    can = not is_volume and "bf16" in hardware.vector_units()
    return "mixed_bfloat16" if pays and can else "float32"
