"""Tasks: what is asked of a model, from targets to scores."""

from __future__ import annotations

from tfmed.tasks.classification import Classification
from tfmed.tasks.segmentation import Segmentation

TASKS = {
    "classification": "tfmed.tasks.classification:Classification",
    "segmentation": "tfmed.tasks.segmentation:Segmentation",
}

__all__ = ["TASKS", "Classification", "Segmentation"]
