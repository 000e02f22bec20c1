"""`plan.toml` of any task: which plan a text is, and what is refused."""

from __future__ import annotations

import tomllib

import pytest
from planning.tables import part
from tasks.segmentation import fingerprints

from tfmed import planning
from tfmed.errors import ConfigError
from tfmed.planning import Machine, Plan, chosen, dumps, loads, made
from tfmed.task import TASKS, kind
from tfmed.tasks import Classification
from tfmed.tasks.recognition.plan import RecognitionPlan


@pytest.fixture(scope="module")
def plans() -> dict[str, Plan]:
    """A plan of each kind of network."""
    train = part("ab", bits=12)
    return {
        "classification": planning.plan(train, Classification(train.classes), machine=Machine()),
        "segmentation": fingerprints.plan(fingerprints.seen((64, 64)), fingerprints.cpu(5)),
    }


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_a_plan_names_its_task_and_is_read_as_that_tasks_plan(
    plans: dict[str, Plan], task: str
) -> None:
    text = dumps(plans[task])
    assert tomllib.loads(text)["task"] == task
    again = loads(text)
    assert type(again) is kind(task).Plan
    assert again == plans[task]


def test_a_plan_of_version_0_1_0_that_names_no_task_is_of_classification(
    plans: dict[str, Plan],
) -> None:
    text = dumps(plans["classification"])
    old = text.replace('task = "classification"\n', "", 1)
    assert old != text
    assert loads(old) == plans["classification"]


@pytest.mark.parametrize("name", ['"segment"', "3", '["classification"]'])
def test_a_task_that_there_is_not_is_refused(plans: dict[str, Plan], name: str) -> None:
    text = dumps(plans["classification"])
    with pytest.raises(ConfigError, match=f"task in plan.toml: expected {next(iter(TASKS))} or"):
        loads(text.replace('task = "classification"', f"task = {name}", 1))


def test_a_plan_under_another_tasks_name_is_refused(plans: dict[str, Plan]) -> None:
    text = dumps(plans["classification"])
    with pytest.raises(ConfigError, match=r"in plan\.toml"):
        loads(text.replace('task = "classification"', 'task = "segmentation"', 1))


def test_choices_become_values_and_reasons(plans: dict[str, Plan]) -> None:
    plan = plans["classification"]
    reasons = plan.reasons.items()
    again = chosen(RecognitionPlan, {name: (getattr(plan, name), why) for name, why in reasons})
    assert again == plan


def test_a_setting_that_is_missing_is_named(plans: dict[str, Plan]) -> None:
    values = plans["classification"].model_dump()
    del values["dropout"]
    with pytest.raises(ConfigError, match="the setting dropout is missing in a test"):
        made(RecognitionPlan, values, " in a test")
