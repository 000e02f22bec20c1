"""From predictions and scores to curves, pictures and a report."""

from __future__ import annotations

from tfmed.evaluation.contents import Contents
from tfmed.evaluation.examples import confident
from tfmed.evaluation.facts import DataFacts, describe
from tfmed.evaluation.of_run import explained, report, report_answers
from tfmed.evaluation.page import render, write

__all__ = [
    "Contents",
    "DataFacts",
    "confident",
    "describe",
    "explained",
    "render",
    "report",
    "report_answers",
    "write",
]
