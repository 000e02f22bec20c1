"""The table of tasks, and that each row keeps the contracts."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from tfmed.errors import ConfigError
from tfmed.planning import Plan
from tfmed.tables import lookup
from tfmed.task import TASKS, UNNAMED, Predictor, Task, kind
from tfmed.tasks.recognition.answers import ANSWERS, Answer
from tfmed.tasks.recognition.recogniser import Recogniser
from tfmed.tasks.segmentation.segmenter import Segmenter

KEEPERS: list[tuple[Any, type]] = [
    *((Task, kind(name)) for name in TASKS),
    *((Answer, lookup(ANSWERS, name, "task")) for name in ANSWERS),
    (Predictor, Recogniser),
    (Predictor, Segmenter),
]


def asked(contract: type) -> set[str]:
    """The public names of a contract."""
    names = {*vars(contract), *inspect.get_annotations(contract)}
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize(("contract", "keeper"), KEEPERS)
def test_a_row_has_every_name_of_its_contract(contract: Any, keeper: type) -> None:
    fields = {name for one in keeper.__mro__ for name in inspect.get_annotations(one)}
    missing = {name for name in asked(contract) if not hasattr(keeper, name)} - fields
    assert missing == set()


@pytest.mark.parametrize(("contract", "keeper"), KEEPERS)
def test_a_row_is_asked_as_its_contract_says(contract: Any, keeper: type) -> None:
    for name in asked(contract):
        wanted = getattr(contract, name, None)
        if not inspect.isroutine(wanted):
            continue
        told = inspect.signature(wanted).parameters
        found = inspect.signature(getattr(keeper, name)).parameters
        named = [one for one in told if told[one].kind is not inspect.Parameter.VAR_KEYWORD]
        assert [one for one in found if one in named] == named, name
        more = [one for one in found if one not in named]
        optional = [found[one].default is not inspect.Parameter.empty for one in more]
        assert all(optional), f"{name} needs {more}"


@pytest.mark.parametrize("name", TASKS)
def test_a_row_has_a_plan_of_its_own_and_networks_to_choose_from(name: str) -> None:
    task = kind(name)
    assert issubclass(task.Plan, Plan)
    assert task.Plan is not Plan
    assert task.networks_known
    assert "test" in task.ANSWERED


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_goes_by_the_name_of_its_row(name: str) -> None:
    assert name == lookup(ANSWERS, name, "task").NAME
    assert name in TASKS


def test_what_names_no_task_is_of_classification() -> None:
    assert UNNAMED == "classification"


def test_an_unknown_task_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="unknown task 'segment'; did you mean 'segmentation'"):
        kind("segment")
