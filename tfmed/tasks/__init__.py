"""Tasks: what is asked of a model, from targets to scores."""

from __future__ import annotations

from tfmed.tasks.classification import Classification

TASKS = {"classification": "tfmed.tasks.classification:Classification"}

__all__ = ["TASKS", "Classification"]
