"""Settings: from defaults, a recipe and the command line to one frozen object.

Order: default, then recipe (flat TOML), then flag. Every mistake ends in one line that names
the setting, says what was expected and suggests the nearest name.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.resources
import io
import json
import re
import sys
import tomllib
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from tfmed import log
from tfmed.errors import ConfigError, TfmedError
from tfmed.expected import checked, flag, lengths, metavar, nearest, repeatable, wrong
from tfmed.tables import lookup

__all__ = ["Config", "command", "differences", "digest", "dumps", "loads", "lookup", "nearest"]
__all__ += ["parse", "recipes", "run_folder"]

# Settings that say where results go, not what they are: another value is the same run.
BESIDE_THE_RUN = ("run", "debug", "export", "name", "max_rejects", "plan_only")
# Settings that a run may take up with another value; those that measure its length only grow.
MAY_CHANGE = (*BESIDE_THE_RUN, "epochs", "max_minutes")
MAY_GROW = ("epochs", "max_minutes")


class Config(BaseModel):
    """The base of every pipeline's settings: frozen, flat, and closed to unknown names.

    A setting is a field of plain type with a default; `Field(description=...)` is its text in
    `--help`. One that may be None has None for its default, since TOML has no null.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    debug: bool = Field(False, description="Show the whole traceback of an error.")


Settings = TypeVar("Settings", bound=Config)


def command(
    config_class: type[Settings],
    run: Callable[[Settings], int | None],
    argv: Sequence[str] | None = None,
    pipeline: str = "classify",
    description: str = "",
    tensorflow: bool = True,
) -> int:
    """Run a pipeline from its command line, `[RECIPE.toml] [--flag value ...]`.

    Args:
        config_class: the pipeline's settings.
        run: what is done with them; it returns an exit code, or None for 0.
        argv: the arguments; those of the process by default.
        pipeline: its name in messages.
        description: what `--help` says above the flags, with an example command.
        tensorflow: whether the pipeline needs TensorFlow, which is then loaded quietly.

    Returns:
        The exit code: 0 done, 1 could not be done, 2 a wrong setting, 130 interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    try:
        config = parse(config_class, arguments, pipeline, description)
        debug = config.debug
        if tensorflow:
            log.quiet_tensorflow()
        return run(config) or 0
    except SystemExit as error:  # --help
        return int(error.code or 0)
    except KeyboardInterrupt:
        return _fail("stopped; the same command goes on from here", 130, debug=False)
    except ConfigError as error:
        return _fail(str(error), 2, debug)
    except TfmedError as error:
        return _fail(str(error), 1, debug)
    except OSError as error:  # a full disk, a folder that cannot be written
        if error.strerror is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror}", 1, debug)


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    log.error(" ".join(message.split()))
    return code


def parse(
    config_class: type[Settings],
    argv: Sequence[str],
    pipeline: str = "classify",
    description: str = "",
) -> Settings:
    """The settings of a command line.

    Raises:
        ConfigError: an unknown or wrong setting, in the recipe or among the flags.
        SystemExit: after `--help` was printed.
    """
    import tyro

    arguments = list(argv)
    values: dict[str, Any] = {}
    if arguments and not arguments[0].startswith("-"):
        values = _read_recipe(config_class, arguments.pop(0))
    asks_help = "--help" in arguments or "-h" in arguments
    given = _given(config_class, [word for word in arguments if word not in ("-h", "--help")])
    # A flag replaces the recipe's list; tyro alone would append to it.
    values = {name: value for name, value in values.items() if name not in given}
    fields = config_class.model_fields
    missing = {name: tyro.MISSING for name in fields if fields[name].is_required()}
    # Its own error boxes are many lines; ours is one, made from the same words below.
    hush = contextlib.nullcontext() if asks_help else contextlib.redirect_stderr(io.StringIO())
    try:
        with hush:
            found: Any = tyro.cli(
                _with_metavars(config_class),
                args=arguments,
                default=config_class.model_construct(**(missing | values)),
                prog=f"tfmed {pipeline} [RECIPE.toml]",
                description=description,
                config=(tyro.conf.FlagCreatePairsOff, tyro.conf.UseAppendAction),
            )
    except SystemExit as stopped:
        if asks_help and not stopped.code:
            raise
        raise _explanation(config_class, values, given) from None
    return config_class.model_validate(found.model_dump())


def _with_metavars(config_class: type[Settings]) -> type[Settings]:
    """The same settings with short words behind the flags in `--help`."""
    import tyro

    fields: dict[str, Any] = {
        name: (Annotated[field.annotation, tyro.conf.arg(metavar=metavar(field))], field)
        for name, field in config_class.model_fields.items()
        if lengths(field.annotation) != {0}
    }
    return create_model(config_class.__name__, __base__=config_class, **fields)


def recipes() -> list[str]:
    """The names of the recipes that come with tfmed."""
    folder = importlib.resources.files("tfmed.recipes")
    return sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml"))


def _read_recipe(config_class: type[Config], recipe: str) -> dict[str, Any]:
    """The settings of a TOML file, by its path or by its bare name in `tfmed.recipes`."""
    path: Any = Path(recipe)
    if not path.is_file():
        names = recipes()
        if recipe not in names:
            known = f"; known: {', '.join(names)}" if names else ""
            raise ConfigError(
                f"no recipe {recipe!r}{nearest(recipe, names) or known} "
                "(a recipe is a TOML file or a known name; scans are named by --data)"
            )
        path = importlib.resources.files("tfmed.recipes") / f"{recipe}.toml"
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        hint = "" if recipe.endswith(".toml") else " (scans and tables are named by --data)"
        raise ConfigError(f"{recipe} is not TOML: {error}{hint}") from None
    return checked(config_class.model_fields, raw, f" in {recipe}")


def _given(config_class: type[Config], arguments: Sequence[str]) -> dict[str, list[str]]:
    """The words behind each flag, by the setting's name.

    Raises:
        ConfigError: an unknown flag, or a word that belongs to none.
    """
    given: dict[str, list[str]] = {}
    name = ""
    fields = config_class.model_fields
    for word in arguments:
        if word.startswith("--"):
            shown, equals, value = word.partition("=")
            name = shown[2:].replace("-", "_")
            if name not in fields:
                raise ConfigError(
                    f"unknown setting {shown}{nearest(flag(name), map(flag, fields))}"
                )
            again = given.get(name, []) if repeatable(fields[name].annotation) else []
            given[name] = again + ([value] if equals else [])
        elif not name:
            raise ConfigError(f"unknown setting {word}; settings are --NAME VALUE, see --help")
        else:
            given[name].append(word)
    for name, words in given.items():
        right = lengths(fields[name].annotation)
        if len(words) not in right and not (repeatable(fields[name].annotation) and words):
            raise ConfigError(wrong(flag(name), fields[name], words))
    return given


def _explanation(
    config_class: type[Config], values: Mapping[str, Any], given: Mapping[str, list[str]]
) -> ConfigError:
    """Why the command line was refused: the first wrong value, a missing one, or their mixture."""
    raw: dict[str, Any] = {}
    for name, words in given.items():
        annotation = config_class.model_fields[name].annotation
        one = lengths(annotation) == {1} and not repeatable(annotation)
        raw[name] = words[0] if one else words or True
    try:
        config_class.model_validate(dict(values) | checked(config_class.model_fields, raw, ""))
    except ConfigError as error:
        return error
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "missing":
            name = str(first["loc"][0])
            text = config_class.model_fields[name].description or "see --help"
            return ConfigError(f"{flag(name)} is needed: {text}")
        return ConfigError(first["msg"].removeprefix("Value error, "))
    shown = " ".join(f"{flag(name)} {' '.join(words)}" for name, words in given.items())
    return ConfigError(f"cannot read {shown!r}; see --help")


def dumps(config: Config) -> str:
    """The settings as flat TOML; one that is None is left out."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def loads(config_class: type[Settings], text: str) -> Settings:
    """The settings that `dumps` wrote."""
    return config_class(
        **checked(config_class.model_fields, tomllib.loads(text), " in config.toml")
    )


def digest(config: Config, ignore: Iterable[str] = BESIDE_THE_RUN) -> str:
    """Eight hex digits of the settings, without those in `ignore`."""
    values = config.model_dump(mode="json", exclude=set(ignore))
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]


def differences(old: Config, new: Config, allowed: Iterable[str] = MAY_CHANGE) -> list[str]:
    """What a run's settings were and are now, one line each, as `"seed: 1 then, 2 now"`.

    Args:
        old: the settings that the run began with.
        new: those it is asked to go on with.
        allowed: settings that may change; of these, `epochs` and `max_minutes` may only grow.
    """
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    lines = []
    for name in sorted(before.keys() | after.keys()):
        then, now = before.get(name), after.get(name)
        shrunk = name in MAY_GROW and then is not None and now is not None and now < then
        if then != now and (shrunk or name not in set(allowed)):
            note = " (it may only grow)" if shrunk else ""
            lines.append(f"{name}: {_shown(then)} then, {_shown(now)} now{note}")
    return lines


def _shown(value: Any) -> str:
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)


def run_folder(pipeline: str, config: Config) -> Path:
    """The run's folder: `config.run`, or `runs/PIPELINE-SOURCE-HASH`.

    SOURCE is the data's name in letters (of any script), digits and hyphens.
    """
    settings = config.model_dump()
    if settings.get("run"):
        return Path(settings["run"])
    source = str(settings.get("data", ""))
    if not re.match(r"\w+:", source):
        source = Path(source).resolve().stem
    slug = re.sub(r"[\W_]+", "-", source).strip("-")[:40].rstrip("-") or "data"
    return Path("runs") / f"{pipeline}-{slug}-{digest(config)}"
