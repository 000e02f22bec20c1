"""TensorFlow Datasets without its noise."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

from tfmed import log

CHATTY = ("apache_beam", "urllib3")


@contextlib.contextmanager
def quiet(bars: bool = False) -> Iterator[None]:
    """Keep TFDS' warnings, log lines and prints from the user while the block runs.

    Python's warnings are not even made: TFDS asks protobuf for names that protobuf has
    deprecated, and where such a warning is an error, protobuf fails with another one.

    Args:
        bars: let it draw its own progress bars, on a terminal: where it downloads, nobody else
            knows how far it has come.
    """
    import tensorflow_datasets as tfds
    from absl import logging as absl_logging
    from tensorflow_datasets.core.utils import tqdm_utils

    loggers = [absl_logging.get_absl_logger(), *map(logging.getLogger, CHATTY)]
    levels = [logger.level for logger in loggers]
    shown = getattr(tqdm_utils, "_active", True)  # what the user has chosen
    tfds.display_progress_bar(shown and bars and log.console().is_terminal)
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        tfds.display_progress_bar(shown)
