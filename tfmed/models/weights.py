"""First weights from a file: a network of the same kind, trained before."""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path

import keras

from tfmed import log
from tfmed.errors import ConfigError, ReadError

ADAPT = "imagenet_range"
HEAD = "logits"


def released(weights: str) -> bool:
    """Whether a file is one of those that Keras releases without a head: `..._notop.h5`."""
    name = Path(weights).name
    return name.endswith(".h5") and ("notop" in name or "no_top" in name)


def adapts_input(weights: str) -> bool:
    """Whether a network with these weights takes 0..1 and adapts it by layers of its own.

    True for `"imagenet"`, for Keras' own files (see `released`), and for a `.keras` file of a
    network that was itself built so. The plan then normalises with mean 0 and standard
    deviation 1.

    Args:
        weights: as in `models.build`.

    Raises:
        ReadError: the `.keras` file is not there or not whole.
    """
    if weights == "imagenet" or released(weights):
        return True
    if not weights.endswith(".keras"):
        return False
    try:
        with zipfile.ZipFile(weights) as archive:
            config = json.loads(archive.read("config.json"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ReadError(weights, f"not a whole .keras file ({type(error).__name__})") from error
    layers = config.get("config", {}).get("layers", [])
    return any(layer.get("config", {}).get("name") == ADAPT for layer in layers)


def load_file(model: keras.Model, path: str) -> None:
    """Fill a model with the weights of a file of the same network.

    From a `.keras` file the layer `logits` is left as drawn where it has another number of
    classes; everything else must fit.

    Args:
        model: built, of any weights.
        path: `.keras` (read in safe mode), `.weights.h5` or `.h5`.

    Raises:
        ReadError: the file is not there or cannot be read.
        ConfigError: it holds another network; the message says what differs.
    """
    if not Path(path).is_file():
        raise ReadError(path, "no such weights file; --weights takes none, imagenet or a file")
    if path.endswith(".keras"):
        _copy(_read(path), model, path)
        return
    if not path.endswith(".h5"):
        raise ConfigError(f"--weights {path}: expected a .keras, .weights.h5 or .h5 file")
    try:
        with warnings.catch_warnings():
            # Keras only warns of layers that it leaves as they are.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(path)
    except (OSError, KeyError) as error:
        raise ReadError(path, f"not a whole weights file ({_line(error)})") from error
    except (ValueError, UserWarning) as error:
        raise ConfigError(
            f"{path} does not hold the weights of {model.name} with these sizes: {_line(error)}"
        ) from error


def _read(path: str) -> keras.Model:
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        # A damaged file fails in zipfile, json, h5py or any layer's own construction.
        raise ReadError(path, f"cannot be loaded as a Keras model ({_line(error)})") from error


def _copy(source: keras.Model, model: keras.Model, path: str) -> None:
    theirs = [layer for layer in source.layers if layer.weights]
    ours = [layer for layer in model.layers if layer.weights]
    if len(theirs) != len(ours):
        raise ConfigError(
            f"{path} holds {source.name} with {len(theirs)} layers of weights; {model.name} "
            f"has {len(ours)}"
        )
    # By order, not by name: Keras numbers unnamed layers anew in every process.
    pairs = list(zip(theirs, ours, strict=True))
    for their, our in pairs:
        shapes = [tuple(weight.shape) for weight in their.weights]
        expected = [tuple(weight.shape) for weight in our.weights]
        if shapes != expected and our.name != HEAD:
            raise ConfigError(
                f"{path} holds {source.name}, not this {model.name}: its layer {their.name} has "
                f"weights {shapes}, expected {expected}"
            )
    for their, our in pairs:
        if our.name == HEAD and tuple(their.weights[0].shape) != tuple(our.weights[0].shape):
            log.warning(f"{path} has other classes: the layer {HEAD} begins anew")
            continue
        our.set_weights(their.get_weights())


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
