"""What a setting expects and what came instead, in words that a user can act on."""

from __future__ import annotations

import difflib
import textwrap
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from tfmed.errors import ConfigError

SHOWN = 100  # letters of a wrong value
_ONE = {int: "a whole number", float: "a number", str: "text", Path: "a path", bool: "no value"}
_MANY = {int: "whole numbers", float: "numbers", str: "texts", Path: "paths"}
_BOUNDS = (
    (annotated_types.Ge, "ge", "at least"),
    (annotated_types.Gt, "gt", "more than"),
    (annotated_types.Le, "le", "at most"),
    (annotated_types.Lt, "lt", "less than"),
)


def nearest(name: str, names: Iterable[str]) -> str:
    """`"; did you mean 'x'?"` for the one of `names` that is nearest to `name`, or `""`.

    Example:
        >>> nearest("clasify", ["classify", "predict"])
        "; did you mean 'classify'?"
    """
    known = {other.casefold(): other for other in names}
    found = difflib.get_close_matches(name.casefold(), known, n=1, cutoff=0.6)
    return f"; did you mean {known[found[0]]!r}?" if found else ""


def one_of(label: str, value: str, names: Iterable[str]) -> None:
    """Refuse a name that is not one of those that a setting takes.

    Raises:
        ConfigError: what was expected, what came, and the nearest.
    """
    known = tuple(names)
    if value not in known:
        raise ConfigError(
            f"{label}: expected one of {', '.join(known)}, got {value!r}{nearest(value, known)}"
        )


def flag(name: str) -> str:
    """A setting's name as it stands on the command line."""
    return "--" + name.replace("_", "-")


def checked(
    fields: Mapping[str, FieldInfo], raw: Mapping[str, Any], where: str = ""
) -> dict[str, Any]:
    """Each value as its setting's type.

    Args:
        fields: the settings, by name.
        raw: values as a TOML file or the command line gives them.
        where: where they stand, as `" in recipe.toml"`; names are flags without it.

    Raises:
        ConfigError: a name is unknown or a value is wrong.
    """
    values = {}
    for key, value in raw.items():
        name = key.replace("-", "_")
        if name not in fields:
            raise ConfigError(f"unknown setting {key!r}{where}{nearest(name, fields)}")
        label = f"{key}{where}" if where else flag(name)
        try:
            kind: Any = TypeAdapter(fields[name].rebuild_annotation())
            values[name] = kind.validate_python(value)
        except ValidationError:
            raise ConfigError(wrong(label, fields[name], value)) from None
    return values


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The types of a union without None; one type alone is its own only alternative."""
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(kind for kind in get_args(annotation) if kind is not types.NoneType)
    return (annotation,)


def repeatable(annotation: Any) -> bool:
    """Whether a setting may be given several times, each adding a value."""
    return any(get_args(kind)[1:] == (...,) for kind in alternatives(annotation))


def lengths(annotation: Any) -> set[int]:
    """How many values may follow a flag; a repeatable one takes one each time."""
    found = set()
    for kind in alternatives(annotation):
        fixed = get_origin(kind) is tuple and not repeatable(kind)
        found.add(len(get_args(kind)) if fixed else 0 if kind is bool else 1)
    return found


def expectation(field: FieldInfo) -> str:
    """What a setting takes, as `"a whole number, at least 1"` or `"one of image, series"`."""
    words = [_kind(kind) for kind in alternatives(field.annotation)]
    for bound in field.metadata:
        for kind, attribute, text in _BOUNDS:
            if isinstance(bound, kind):
                words[-1] += f", {text} {getattr(bound, attribute):g}"
    return " or ".join(dict.fromkeys(words))


def metavar(field: FieldInfo) -> str:
    """What stands behind a flag in `--help`, as `INT` or `INT INT|INT INT INT`."""
    return "|".join(_metavar(kind) for kind in alternatives(field.annotation))


def wrong(label: str, field: FieldInfo, value: Any) -> str:
    """The message for a value, or for the words behind a flag, that a setting does not take."""
    choices = [c for kind in alternatives(field.annotation) for c in _choices(kind)]
    near = nearest(value, choices) if isinstance(value, str) else ""
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        value = " ".join(value)
    shown = textwrap.shorten(repr(value), SHOWN, placeholder=" ...") if value != "" else "nothing"
    return f"{label}: expected {expectation(field)}, got {shown}{near}"


def _choices(kind: Any) -> tuple[str, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()


def _kind(kind: Any) -> str:
    if _choices(kind):
        return f"one of {', '.join(map(str, _choices(kind)))}"
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        many = _MANY.get(inner[0], "values")
        return many if inner[-1] is ... else f"{len(inner)} {many}"
    return _ONE.get(kind, getattr(kind, "__name__", str(kind)))


def _metavar(kind: Any) -> str:
    if _choices(kind):
        return f"{{{','.join(map(str, _choices(kind)))}}}"
    if get_origin(kind) is tuple:
        inner = [part for part in get_args(kind) if part is not ...]
        return " ".join(_metavar(part) for part in inner)
    return {str: "TEXT"}.get(kind, getattr(kind, "__name__", str(kind)).upper())
