"""TFLite files of a trained network: float32, float16, dynamic and int8."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert import ConverterError

from tfmed import log
from tfmed.errors import ExportError
from tfmed.export.tail import TAIL
from tfmed.log import quiet
from tfmed.run import write_aside
from tfmed.task import Predictor

VARIANTS = ("float32", "float16", "dynamic", "int8")
INT8 = "int8"
# Signatures of the archive that is converted.
UNITS, NORMALISED = "units", "normalised"


@dataclass(frozen=True)
class Converted:
    """What conversion gave.

    Attributes:
        bytes: variant to the size of its file.
        failed: variant to the reason why it does not exist.
        notes: variant to what else must be known of it.
    """

    bytes: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def write(predictor: Predictor, folder: Path, representative: np.ndarray) -> Converted:
    """Write `{float32,float16,dynamic,int8}.tflite`, each with a batch of 1 and the plan's size.

    `float32`, `float16` (weights) and `dynamic` (8-bit weights) take modality units. `int8`
    (8-bit weights by channel, 8-bit activations, float32 input and output) takes the
    normalised image, because 8 bits over the whole range of HU would lose the window. All
    give float32 probabilities.

    A network with an operation that TFLite lacks loses the files concerned, not its export.

    Args:
        predictor: what is exported.
        folder: made if missing.
        representative: float32 `[M, *size, C]` training images in modality units at the plan's
            size, by which int8 ranges are set; 100 to 500 of them, or as many pixels in fewer.
            Volumes need none.
    """
    shape = predictor.input_shape
    if representative.shape[1:] != shape or (predictor.planar and not len(representative)):
        raise ExportError(
            f"representative images must be some of shape {shape}, not an array "
            f"{representative.shape}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    result = Converted()
    network = predictor.network()

    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch)
        _archive(network, predictor, archive)
        # One for all that take modality units: making one loads the archive.
        units = _converter(archive, UNITS)
        tasks: dict[str, Callable[[], bytes]] = {
            "float32": lambda: _converted(units),
            "float16": lambda: _converted(units, True, [tf.float16]),
            "dynamic": lambda: _converted(units, True),
            INT8: lambda: _int8(archive, predictor, representative),
        }
        if not predictor.planar:
            # Converting would "succeed", with float32 weights.
            result.failed[INT8] = "TFLite has no integer convolution of volumes"
            result.notes["dynamic"] = "TFLite keeps the weights of 3D convolutions in 32 bits"
            del tasks[INT8]
        for variant, convert in tasks.items():
            _attempt(variant, convert, folder, result)
    return result


def _attempt(variant: str, convert: Callable[[], bytes], folder: Path, result: Converted) -> None:
    """Convert one variant and note its size, or why there is none."""
    try:
        with quiet():
            content = convert()
    except (ConverterError, ValueError, RuntimeError, tf.errors.OpError) as error:
        result.failed[variant] = _reason(error)
        log.warning(f"{variant}.tflite was not written: {result.failed[variant]}")
        return
    write_aside(folder / f"{variant}.tflite", lambda aside: aside.write_bytes(content))
    result.bytes[variant] = len(content)


def _archive(network: keras.Model, predictor: Predictor, folder: Path) -> None:
    """Write a SavedModel of fixed shape for the converter, from modality units and without.

    It freezes Keras 3 variables only from an archive that tracks them; from a bare concrete
    function it gives NaN without an error.
    """

    def from_units(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return predictor.named(network(predictor.normalise(image), training=False))

    def from_normalised(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return predictor.named(network(image, training=False))

    archive = keras.export.ExportArchive()
    archive.track(network)
    spec = tf.TensorSpec((1, *predictor.input_shape), tf.float32, name="image")
    with quiet():
        archive.add_endpoint(UNITS, from_units, input_signature=[spec])
        archive.add_endpoint(NORMALISED, from_normalised, input_signature=[spec])
        archive.write_out(str(folder), verbose=False)


def _converter(folder: Path, signature: str) -> tf.lite.TFLiteConverter:
    """A converter without Flex operations, which plain interpreters lack."""
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=[signature])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    return converter


def _converted(
    converter: tf.lite.TFLiteConverter, reduced: bool = False, weights: Sequence[tf.DType] = ()
) -> bytes:
    """Float activations; weights as they are, or reduced to 8 bits or to a type that is given."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT] if reduced else []
    converter.target_spec.supported_types = list(weights)
    return bytes(converter.convert())


def _int8(folder: Path, predictor: Predictor, representative: np.ndarray) -> bytes:
    """Integer weights and activations up to the last layer, which stays float32.

    An int8 softmax knows 256 probabilities: the confident cases, whose order AUROC measures,
    would be ties. The last layer's weights are few, so the file hardly grows.
    """

    def samples() -> Iterator[dict[str, tf.Tensor]]:
        for image in representative:
            yield {"image": predictor.normalise(tf.constant(image[np.newaxis]))}

    converter = _converter(folder, NORMALISED)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    # The one public way to leave chosen operations in float: it calibrates once, and quantises
    # again with each set of options.
    debugger = tf.lite.experimental.QuantizationDebugger(converter=converter, debug_dataset=samples)
    debugger.options = tf.lite.experimental.QuantizationDebugOptions(
        denylisted_ops=["SOFTMAX", "LOGISTIC"],
        denylisted_nodes=_tail_nodes(debugger.calibrated_model, predictor),
    )
    return bytes(debugger.get_nondebug_quantized_model())


def _tail_nodes(content: bytes, predictor: Predictor) -> list[str]:
    """Tensors of a TFLite model that the layers from the logits on make, by their names."""
    from ai_edge_litert.interpreter import Interpreter

    last = {model.layers[-1].name for model in predictor.models}
    names = "|".join(re.escape(name) for name in (*sorted(last), *TAIL))
    # Keras appends _1, _2, ... where a layer is traced again.
    wanted = re.compile(rf"(^|/)({names})(_\d+)*/")
    interpreter = Interpreter(model_content=content)
    found = [item["name"] for item in interpreter.get_output_details()]
    tensors = [item["name"] for item in interpreter.get_tensor_details()]
    return found + [name for name in tensors if wanted.search(name)]


def _reason(error: Exception) -> str:
    """The first telling line of a converter's error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "op" in line.lower() and "error" in line.lower()]
    return (telling or lines or [type(error).__name__])[0][:200]
