"""Tables of names and "module:function"."""

from __future__ import annotations

import math

import pytest

from tfmed.errors import ConfigError
from tfmed.tables import lookup

TABLE = {"root": "math:sqrt", "power": "math:pow"}


def test_a_row_gives_its_object() -> None:
    assert lookup(TABLE, "root", "function") is math.sqrt


def test_an_unknown_name_is_met_with_the_nearest_and_with_all() -> None:
    with pytest.raises(ConfigError) as caught:
        lookup(TABLE, "rot", "function")
    assert str(caught.value) == (
        "unknown function 'rot'; did you mean 'root'? (known: root, power)"
    )
