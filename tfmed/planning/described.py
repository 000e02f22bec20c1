"""A plan as a table for people: setting, value, reason."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from tfmed.planning.plan import Plan

HEAD = ("setting", "value", "reason")
SIDES = ("size", "patch_size", "spacing_mm")
WIDEST_VALUE = 38
LEAST_REASON = 30


def describe(plan: Plan, width: int | None = None) -> str:
    """A plan as an aligned table of plain text.

    Args:
        plan: of any task.
        width: letters a line; None for the terminal's.
    """
    settings = type(plan).model_fields
    rows = [
        (name, _shown(getattr(plan, name), name in SIDES), plan.reasons.get(name, ""))
        for name in settings
        if name != "reasons"
    ]
    first = max(len(name) for name, _, _ in (HEAD, *rows))
    second = min(max(len(value) for _, value, _ in rows), WIDEST_VALUE)
    whole = width or shutil.get_terminal_size((120, 24)).columns
    third = max(whole - first - second - 4, LEAST_REASON)
    lines = [_line(HEAD, first, second), _line(("-" * first, "-" * second, "-" * third), 0, 0)]
    for name, value, reason in rows:
        cells = (
            [name],
            textwrap.wrap(value, second) or [""],
            textwrap.wrap(reason, third) or [""],
        )
        for number in range(max(map(len, cells))):
            row = [cell[number] if number < len(cell) else "" for cell in cells]
            lines.append(_line(row, first, second))
    return "\n".join(lines)


def _line(cells: Sequence[str], first: int, second: int) -> str:
    return f"{cells[0]:<{first}}  {cells[1]:<{second}}  {cells[2]}".rstrip()


def _shown(value: Any, sides: bool = False) -> str:
    """A value as people write it: sides with a cross, steps by name, numbers in few digits."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        rest = ", ".join(f"{name} {_shown(one)}" for name, one in value.items() if name != "name")
        return f"{value['name']} ({rest})"
    if isinstance(value, tuple | list):
        if not value:
            return "none"
        if isinstance(value[0], tuple | list):
            return " | ".join(_shown(row, sides=True) for row in value)
        return (" x " if sides else ", ").join(map(_shown, value))
    return str(value)
