"""From predictions and scores to calibration, curves and a report; no TensorFlow."""

from __future__ import annotations

from tfmed.evaluation.calibration import fit_temperature
from tfmed.evaluation.contents import Contents
from tfmed.evaluation.examples import confident
from tfmed.evaluation.facts import DataFacts, describe
from tfmed.evaluation.report import render, write

__all__ = [
    "Contents",
    "DataFacts",
    "confident",
    "describe",
    "fit_temperature",
    "render",
    "write",
]
