"""Tasks: what is asked of a model, whole; a folder each. `tfmed.task` has their contract."""

from __future__ import annotations

from tfmed.task import TASKS
from tfmed.tasks.recognition.task import Classification, Regression
from tfmed.tasks.segmentation.task import Segmentation

__all__ = ["TASKS", "Classification", "Regression", "Segmentation"]
