"""Words for what a setting expects."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from tfmed.errors import ConfigError
from tfmed.expected import (
    checked,
    expectation,
    lengths,
    metavar,
    nearest,
    one_of,
    repeatable,
    wrong,
)


class Sample(BaseModel):
    text: str = ""
    path: Path | None = None
    count: int | None = Field(None, ge=1)
    share: float = Field(0.5, gt=0, le=1)
    level: Literal["image", "series"] = "image"
    size: tuple[int, int] | tuple[int, int, int] | None = None
    names: tuple[str, ...] = ()
    on: bool = False


FIELDS = Sample.model_fields


@pytest.mark.parametrize(
    ("name", "words", "shown", "count"),
    [
        ("text", "text", "TEXT", {1}),
        ("path", "a path", "PATH", {1}),
        ("count", "a whole number, at least 1", "INT", {1}),
        ("share", "a number, more than 0, at most 1", "FLOAT", {1}),
        ("level", "one of image, series", "{image,series}", {1}),
        ("size", "2 whole numbers or 3 whole numbers", "INT INT|INT INT INT", {2, 3}),
        ("names", "texts", "TEXT", {1}),
        ("on", "no value", "BOOL", {0}),
    ],
)
def test_a_setting_is_told_in_words(name: str, words: str, shown: str, count: set[int]) -> None:
    field = FIELDS[name]
    assert expectation(field) == words
    assert metavar(field) == shown
    assert lengths(field.annotation) == count


def test_only_a_tuple_of_any_length_is_repeatable() -> None:
    assert [name for name in FIELDS if repeatable(FIELDS[name].annotation)] == ["names"]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("clasify", "; did you mean 'classify'?"),
        ("CLASSIFY", "; did you mean 'classify'?"),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_is_suggested_only_when_it_is_near(name: str, near: str) -> None:
    assert nearest(name, ["classify", "predict"]) == near


def test_values_become_their_settings_types() -> None:
    raw = {"path": "a b", "count": "3", "size": ["4", "5"], "names": ["x"], "on": True}
    assert checked(FIELDS, raw) == {
        "path": Path("a b"),
        "count": 3,
        "size": (4, 5),
        "names": ("x",),
        "on": True,
    }


def test_a_key_may_be_spelled_with_hyphens() -> None:
    class Hyphens(BaseModel):
        batch_size: int = 1

    assert checked(Hyphens.model_fields, {"batch-size": 2}) == {"batch_size": 2}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"counts": 3}, "unknown setting 'counts' in a.toml; did you mean 'count'?"),
        ({"count": 0}, "count in a.toml: expected a whole number, at least 1, got 0"),
        (
            {"level": "serie"},
            "level in a.toml: expected one of image, series, got 'serie'; did you mean 'series'?",
        ),
        ({"table": {"x": 1}}, "unknown setting 'table' in a.toml"),
    ],
)
def test_a_wrong_value_names_its_setting_and_what_was_expected(
    raw: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        checked(FIELDS, raw, " in a.toml")
    assert str(caught.value) == message


def test_words_behind_a_flag_are_shown_as_typed() -> None:
    assert wrong("--size", FIELDS["size"], ["3", "x"]).endswith("got '3 x'")
    assert wrong("--size", FIELDS["size"], []).endswith("got nothing")


def test_of_a_long_value_its_beginning_is_shown() -> None:
    message = wrong("count in a.toml", FIELDS["count"], {"reason": "word " * 99})
    assert message.endswith("word ...") and len(message) < 200


def test_a_name_that_is_none_of_those_taken_is_refused_with_the_nearest() -> None:
    one_of("loss", "focal", ("cross_entropy", "focal"))
    with pytest.raises(ConfigError) as raised:
        one_of("loss", "focl", {"cross_entropy": 1, "focal": 2})
    expected = "loss: expected one of cross_entropy, focal, got 'focl'; did you mean 'focal'?"
    assert str(raised.value) == expected
