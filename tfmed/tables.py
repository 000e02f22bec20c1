"""Tables in plain sight: a name, and `"module:function"` for what it stands for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from tfmed.errors import ConfigError
from tfmed.expected import nearest


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
        known = f" (known: {', '.join(table)})"
        raise ConfigError(f"unknown {what} {name!r}{nearest(name, table)}{known}")
    module, _, attribute = table[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
