"""What survives a kill: the backup while training, and the finished model's file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfmed.errors import TrainingError
from tfmed.run import write_aside

FOLDER = "backup"


class Backup:
    """All that a training needs to go on, in `FOLDER/backup/`; the last two are kept.

    One backup holds the weights, their average, the optimizer's slots, the states of dropout,
    the best weights so far and the loop's own plain state, so they can never be of different
    steps. TensorFlow writes a checkpoint beside and then renames it.

    Args:
        folder: the run folder.
        variables: names to lists of variables, in an order that a rebuilt model repeats.
    """

    def __init__(self, folder: Path, variables: dict[str, list[tf.Variable]]) -> None:
        self._state = tf.Variable("", dtype=tf.string, trainable=False)
        self._checkpoint = tf.train.Checkpoint(state=self._state, **variables)
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(folder / FOLDER), max_to_keep=2
        )

    def save(self, state: dict[str, Any]) -> None:
        """Write everything as it is now; `state` is plain data (JSON)."""
        self._state.assign(json.dumps(state))
        # Numbered by its own counter: a number used twice would be overwritten in place.
        self._manager.save()

    def restore(self) -> dict[str, Any] | None:
        """Bring the newest backup back and give its state; None where there is none.

        Raises:
            TrainingError: the backup is damaged or of another network.
        """
        path = self._manager.latest_checkpoint
        if path is None:
            return None
        try:
            self._checkpoint.restore(path).assert_consumed()
        except (ValueError, AssertionError, tf.errors.OpError) as error:
            raise TrainingError(
                f"the backup {path} is damaged or of another network "
                f"({type(error).__name__}); delete its folder to train from the beginning"
            ) from error
        state: dict[str, Any] = json.loads(self._state.numpy())
        return state


def clear(folder: Path) -> None:
    """Remove the backup of a training whose model has been saved."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def save_model(model: keras.Model, path: Path) -> None:
    """Save a model as a `.keras` file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_aside(path, model.save)
