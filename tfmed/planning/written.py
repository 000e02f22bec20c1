"""Plans from values by name, and their form as `plan.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, TypeVar

import pydantic
import tomli_w

from tfmed.errors import ConfigError
from tfmed.expected import checked
from tfmed.planning.plan import Choices, Plan
from tfmed.task import TASKS, UNNAMED, kind

Made = TypeVar("Made", bound=Plan)

HEAD = "# Edit a value and run the same command again: what follows from it is made anew.\n"


def chosen(of: type[Made], choices: Choices) -> Made:
    """A plan of values with their reasons.

    Raises:
        ConfigError: an unknown setting, a wrong value or one that is missing.
    """
    values = {name: value for name, (value, _) in choices.items()}
    values["reasons"] = {name: reason for name, (_, reason) in choices.items()}
    return made(of, values)


def made(of: type[Made], values: Mapping[str, Any], where: str = "") -> Made:
    """A plan of values by name.

    Args:
        of: which plan.
        values: as a user or the rules give them.
        where: where they stand, for messages; they are named as flags without it.

    Raises:
        ConfigError: an unknown setting, a wrong value or one that is missing.
    """
    try:
        return of(**checked(of.model_fields, values, where))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise ConfigError(f"the setting {name} is missing{where}") from error
        named = f"{name}: " if name else ""
        raise ConfigError(named + first["msg"].removeprefix("Value error, ") + where) from error


def dumps(plan: Plan) -> str:
    """A plan as TOML, its reasons in a table of their own at the end.

    A word stands for None, which TOML does not have: `window = "percentiles"`.
    """
    values = plan.model_dump()
    reasons = values.pop("reasons")
    steps = values.pop("augmentation")
    for name, word in plan.words_for_none.items():
        if values[name] is None:
            values[name] = word
    body = {**values, "augmentation": list(steps), "reasons": reasons}
    return HEAD + tomli_w.dumps(body, multiline_strings=False)


def loads(text: str) -> Plan:
    """Read a plan that may have been edited by hand.

    Args:
        text: of `plan.toml`; its `task` says of what kind it is.

    Raises:
        ConfigError: not TOML, an unknown setting or a wrong value.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"plan.toml is not valid TOML: {error}") from error
    values["task"] = _task(values.get("task", UNNAMED))
    of: type[Plan] = kind(values["task"]).Plan
    for name, word in of.words_for_none.items():
        if values.get(name) == word:
            values[name] = None
    return made(of, values, " in plan.toml")


def _task(name: Any) -> str:
    if not isinstance(name, str) or name not in TASKS:
        raise ConfigError(f"task in plan.toml: expected {' or '.join(TASKS)}, got {name!r}")
    return name
