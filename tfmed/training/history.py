"""What is told and kept of each epoch: history.csv, TensorBoard and a line in the log."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import tensorflow as tf

from tfmed import log
from tfmed.run import Run
from tfmed.training.settings import Settings

FILE = "history.csv"
LOGS = "logs"


class History:
    """Writes each epoch's row where people look for it.

    `history.csv` is written whole, from rows that live in the backup: a resumed training
    neither doubles a row nor loses one.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._run = Run(folder)
        self._writer = tf.summary.create_file_writer(str(folder / LOGS))

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Write history.csv with these rows."""
        self._run.write_table(FILE, pd.DataFrame(rows))

    def add_to_tensorboard(self, row: dict[str, Any]) -> None:
        """Add one epoch's numbers to the TensorBoard log, at its step."""
        with self._writer.as_default(step=row["step"]):
            for name, value in row.items():
                if name not in ("epoch", "step"):
                    tf.summary.scalar(name, value)
        self._writer.flush()

    def close(self) -> None:
        """Close the TensorBoard log."""
        self._writer.close()


def tell(row: dict[str, Any], settings: Settings, is_best: bool, seconds_left: float) -> None:
    """One line in the log for an epoch."""
    watch, unit = settings.watch, settings.unit
    value, rate = row.get(f"val_{watch}", math.nan), row[f"{unit}_per_second"]
    speed = "" if math.isnan(rate) else f", {rate:,.{0 if rate >= 10 else 1}f} {unit}/s"
    minutes, seconds = divmod(round(max(seconds_left, 0.0)), 60)
    log.info(
        f"epoch {row['epoch']}: loss {row['loss']:.4f}, validation {watch} {value:.4f}"
        f"{' (best)' if is_best else ''}{speed}, about {minutes}:{seconds:02} left"
    )
