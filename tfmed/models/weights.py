"""First weights from a file: a network of the same kind, trained before."""

from __future__ import annotations

import json
import re
import warnings
import zipfile
from pathlib import Path

import keras

from tfmed import log
from tfmed.errors import ConfigError, ReadError

ADAPT = "imagenet_range"
# Of segmenters also `logits_1`, ... and `coarse_logits`.
HEADS = re.compile(r"(coarse_)?logits(_\d+)?")


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

    From a `.keras` file the layer `logits` is left as drawn where the file has another number of
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
    theirs, ours = _weighted(source), _weighted(model)
    # By order, not by name: Keras numbers unnamed layers anew in every process.
    their_body, our_body = (
        [layer for name, layer in side.items() if not _is_head(name)] for side in (theirs, ours)
    )
    if len(their_body) != len(our_body):
        raise ConfigError(
            f"{path} holds {source.name} with {len(theirs)} layers of weights; {model.name} "
            f"has {len(ours)}"
        )
    pairs = list(zip(their_body, our_body, strict=True))
    for their, our in pairs:
        if _shapes(their) != _shapes(our):
            raise ConfigError(
                f"{path} holds {source.name}, not this {model.name}: its layer {their.name} has "
                f"weights {_shapes(their)}, expected {_shapes(our)}"
            )
    for name in filter(_is_head, ours):
        if name in theirs and _shapes(theirs[name]) == _shapes(ours[name]):
            pairs.append((theirs[name], ours[name]))
        else:
            # A segmenter is kept without the logits of its lower depths.
            why = "has other classes" if name in theirs else "does not have it"
            log.warning(f"{path} {why}: the layer {name} begins anew")
    for their, our in pairs:
        our.set_weights(their.get_weights())


def _weighted(model: keras.Model) -> dict[str, keras.layers.Layer]:
    return {layer.name: layer for layer in model.layers if layer.weights}


def _is_head(name: str) -> bool:
    return HEADS.fullmatch(name) is not None


def _shapes(layer: keras.layers.Layer) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
