"""What a command refuses before it reads any scan, rather than after hours of work."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tfmed import config
from tfmed.errors import ConfigError
from tfmed.expected import one_of
from tfmed.pipelines.flags import TrainingSettings


def trainable(
    settings: TrainingSettings, networks: Mapping[str, str], losses: Sequence[str]
) -> None:
    """Check what a training needs besides its scans.

    Args:
        settings: of the training.
        networks: the table of those that the task has.
        losses: names of those that it has.

    Raises:
        ConfigError: an unknown network or loss, no such file of weights, no place for the export.
    """
    if settings.model != "auto":
        config.lookup(networks, settings.model, "model")
    if settings.loss != "auto":
        one_of("--loss", settings.loss, losses)
    if settings.weights not in ("none", "imagenet") and not Path(settings.weights).is_file():
        raise ConfigError(
            f"--weights: there is no file {settings.weights}; expected none, imagenet or a file"
        )
    if settings.strategy == "multiworker":
        raise ConfigError(
            "strategy multiworker is not available yet; use mirrored for the GPUs of one machine"
        )
    writable(settings.export, "--export")


def writable(folder: Path, name: str) -> None:
    """Make a folder for results, of the setting `name`.

    Raises:
        ConfigError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reason = "" if os.access(folder, os.W_OK) else "no permission"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise ConfigError(f"{name}: the folder {folder} cannot be written ({reason})")
