"""From the training part to a plan: every choice with its reason.

The plan is made from the training part alone, so that nothing of the validation or test part
is in it. It is written as `plan.toml`; whoever knows better edits a line and runs again. The
rules are each task's own; here is what all plans share.
"""

from __future__ import annotations

from typing import Any

from tfmed.data.dataset import Dataset
from tfmed.planning.described import describe
from tfmed.planning.machine import Machine, here
from tfmed.planning.plan import BY_USER, NOT_USED, Choices, Plan
from tfmed.planning.written import chosen, dumps, loads, made
from tfmed.task import Task

__all__ = [
    "BY_USER",
    "NOT_USED",
    "Choices",
    "Machine",
    "Plan",
    "chosen",
    "describe",
    "dumps",
    "here",
    "loads",
    "made",
    "plan",
]


def plan(train: Dataset, task: Task, *, machine: Machine | None = None, **asked: Any) -> Any:
    """Plan from the training part.

    Args:
        train: the audited training part.
        task: what is asked.
        machine: on which it is to be trained; this one by default.
        **asked: settings of the plan that are not the planner's to choose, as `epochs=30`,
            `size=(64, 64)` or `model="convnet"`; None leaves the choice to the planner.

    Raises:
        ConfigError: a setting that the plan does not have or take.
        DataError: the part is empty, or no truth of it is known.
    """
    given = {name: value for name, value in asked.items() if value is not None}
    return task.plan(train, machine or here(), given)
