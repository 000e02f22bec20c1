"""Plans from values by name, and their form as `plan.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, TypeVar

import pydantic
import tomli_w

from tfmed.errors import ConfigError
from tfmed.expected import checked
from tfmed.planning.plan import Plan
from tfmed.planning.segmentation import SegmentationPlan

Made = TypeVar("Made", bound=Plan | SegmentationPlan)

HEAD = "# Edit a value and run the same command again: what follows from it is made anew.\n"
# `task` in plan.toml, and the plan that it names; plans of classifiers do without.
PLANS: dict[str, type[Plan | SegmentationPlan]] = {
    "classification": Plan,
    "segmentation": SegmentationPlan,
}


def made(kind: type[Made], values: Mapping[str, Any], where: str = "") -> Made:
    """A plan of values by name.

    Args:
        kind: which plan.
        values: as a user or the rules give them.
        where: where they stand, for messages; they are named as flags without it.

    Raises:
        ConfigError: an unknown setting, a wrong value or one that is missing.
    """
    try:
        return kind(**checked(kind.model_fields, values, where))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise ConfigError(f"the setting {name} is missing{where}") from error
        named = f"{name}: " if name else ""
        raise ConfigError(named + first["msg"].removeprefix("Value error, ") + where) from error


def dumps(plan: Plan | SegmentationPlan) -> str:
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


def loads(text: str) -> Plan | SegmentationPlan:
    """Read a plan that may have been edited by hand.

    Args:
        text: of `plan.toml`; its `task` says of what kind it is, a classifier's without one.

    Raises:
        ConfigError: not TOML, an unknown setting or a wrong value.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"plan.toml is not valid TOML: {error}") from error
    kind = PLANS[_task(values.pop("task", "classification"))]
    for name, word in kind.words_for_none.items():
        if values.get(name) == word:
            values[name] = None
    return made(kind, values, " in plan.toml")


def _task(name: Any) -> str:
    if not isinstance(name, str) or name not in PLANS:
        raise ConfigError(f"task in plan.toml: expected {' or '.join(PLANS)}, got {name!r}")
    return name
