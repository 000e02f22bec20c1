"""From predictions and scores to curves, pictures and a report; from scans to their audit."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfmed.evaluation.contents import Answered, Contents
from tfmed.evaluation.examples import confident
from tfmed.evaluation.facts import DataFacts, describe
from tfmed.evaluation.page import render, write

if TYPE_CHECKING:
    from tfmed.evaluation.of_run import report, report_answers

__all__ = [
    "Answered",
    "Contents",
    "DataFacts",
    "confident",
    "describe",
    "render",
    "report",
    "report_answers",
    "write",
]

# What asks a network loads TensorFlow, which an audit of data does not wait for.
OF_RUN = ("report", "report_answers")


def __getattr__(name: str) -> Any:
    if name in OF_RUN:
        return getattr(importlib.import_module("tfmed.evaluation.of_run"), name)
    raise AttributeError(f"module 'tfmed.evaluation' has no attribute {name!r}")
