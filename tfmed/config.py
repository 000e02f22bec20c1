"""Settings: from a recipe file and the command line to one frozen object, with plain errors."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from tfmed.errors import ConfigError


def nearest(name: str, names: Iterable[str]) -> str:
    """`"; did you mean 'x'?"` for the one of `names` that is nearest to `name`, or `""`."""
    known = {other.casefold(): other for other in names}
    found = difflib.get_close_matches(name.casefold(), known, n=1, cutoff=0.6)
    return f"; did you mean {known[found[0]]!r}?" if found else ""


def lookup(table: Mapping[str, str], name: str, what: str) -> Any:
    """The object that a table's row `"module:function"` names; its module is imported now.

    Args:
        table: names to `"module:function"`.
        name: the row.
        what: what the table holds, for the message, as `"model"`.

    Raises:
        ConfigError: the table has no such row; the message gives the nearest.

    Example:
        >>> lookup({"root": "math:sqrt"}, "root", "function")(9)
        3.0
    """
    if name not in table:
        raise ConfigError(
            f"unknown {what} {name!r}{nearest(name, table)} Known: {', '.join(table)}"
        )
    module, _, attribute = table[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
