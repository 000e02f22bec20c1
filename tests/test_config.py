"""Settings: default, then recipe, then flag; one line for a mistake."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, ValidationError, model_validator

from tfmed import config
from tfmed.errors import ConfigError, DataError


class Sample(config.Config):
    """Settings as a pipeline has them."""

    data: str = Field("synthetic:nodules", description="Where the scans are.")
    label_column: tuple[str, ...] = Field((), description="Columns with labels.")
    unit: Literal["image", "series"] = Field("image", description="What one example is.")
    size: tuple[int, int] | tuple[int, int, int] | None = Field(None, description="Pixels.")
    epochs: int | None = Field(None, ge=1, description="Rounds.")
    max_minutes: float | None = Field(None, gt=0, description="Time.")
    seed: int = Field(0, ge=0, description="Seed.")
    deterministic: bool = Field(False, description="The same bits.")
    run: Path | None = Field(None, description="The run's folder.")
    name: str | None = Field(None, description="The export's name.")


class Needy(config.Config):
    """Settings with one that has no default."""

    model: str = Field(description="A run or an export.")
    data: str = Field("x", description="Scans.")


class Both(config.Config):
    """Settings of which two exclude each other."""

    one: int = 0
    other: int = 0

    @model_validator(mode="after")
    def _not_both(self) -> Both:
        if self.one and self.other:
            raise ValueError("--one and --other exclude each other")
        return self


def line(argv: list[str], capsys: pytest.CaptureFixture[str], kind: type = Sample) -> str:
    """The one line of a refused command line."""
    assert config.command(kind, lambda _: 0, argv, tensorflow=False) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err.strip()


def recipe(folder: Path, text: str) -> str:
    """A recipe file with this text."""
    path = folder / "recipe é.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_no_arguments_give_the_defaults() -> None:
    assert config.parse(Sample, []) == Sample()


def test_a_flag_goes_over_the_recipe_and_the_recipe_over_the_default(tmp_path: Path) -> None:
    path = recipe(tmp_path, 'seed = 3\nepochs = 4\nlabel-column = ["a"]\nsize = [8, 9]')
    found = config.parse(Sample, [path, "--epochs", "9", "--label-column", "b"])
    assert (found.seed, found.epochs, found.label_column, found.size) == (3, 9, ("b",), (8, 9))


@pytest.mark.parametrize(
    ("argv", "name", "value"),
    [
        (["--epochs=4"], "epochs", 4),
        (["--max_minutes", "0.5"], "max_minutes", 0.5),
        (["--size", "3", "4"], "size", (3, 4)),
        (["--size", "2", "3", "4"], "size", (2, 3, 4)),
        (["--label-column", "a b", "--label-column", "ü"], "label_column", ("a b", "ü")),
        (["--deterministic"], "deterministic", True),
        (["--seed", "1", "--seed", "2"], "seed", 2),
        (["--run", "my runs/é"], "run", Path("my runs/é")),
    ],
)
def test_flags_are_read(argv: list[str], name: str, value: object) -> None:
    assert getattr(config.parse(Sample, argv), name) == value


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--lable-column", "x"], "unknown setting --lable-column; did you mean '--label-column'?"),
        (["--epochs", "x"], "--epochs: expected a whole number, at least 1, got 'x'"),
        (["--epochs", "0"], "--epochs: expected a whole number, at least 1, got '0'"),
        (["--epochs"], "--epochs: expected a whole number, at least 1, got nothing"),
        (["--unit", "serie"], "got 'serie'; did you mean 'series'?"),
        (["--size", "3"], "--size: expected 2 whole numbers or 3 whole numbers, got '3'"),
        (["--deterministic", "yes"], "--deterministic: expected no value, got 'yes'"),
        (["--seed", "1", "stray"], "--seed: expected a whole number, at least 0, got '1 stray'"),
        (["-e"], "unknown setting -e"),
        (["no-such-recipe"], "no recipe 'no-such-recipe'"),
    ],
)
def test_a_wrong_flag_ends_in_one_line(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in line(argv, capsys)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sed = 3", "unknown setting 'sed' in"),
        ("epochs = 'x'", "expected a whole number, at least 1, got 'x'"),
        ("epochs = ", "is not TOML"),
        ("[training]\nepochs = 3", "unknown setting 'training'"),
    ],
)
def test_a_wrong_recipe_ends_in_one_line(
    tmp_path: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in line([recipe(tmp_path, text)], capsys)


def test_a_needed_setting_may_come_from_the_recipe_or_a_flag(tmp_path: Path) -> None:
    assert config.parse(Needy, ["--model", "m"]).model == "m"
    assert config.parse(Needy, [recipe(tmp_path, "model = 'm'")]).model == "m"


def test_a_needed_setting_that_is_missing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--model is needed: A run or an export." in line(["--data", "y"], capsys, Needy)


def test_settings_that_exclude_each_other_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "exclude each other" in line(["--one", "1", "--other", "1"], capsys, Both)


def test_help_shows_every_setting_and_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    example = "Example: tfmed classify --data scans"
    assert config.command(Sample, lambda _: 3, ["--help"], description=example) == 0
    out = capsys.readouterr().out
    assert example in out
    for name in Sample.model_fields:
        assert f"--{name.replace('_', '-')}" in out


def test_the_exit_code_is_what_the_pipeline_returns() -> None:
    assert config.command(Sample, lambda _: None, [], tensorflow=False) == 0
    assert config.command(Sample, lambda _: 1, [], tensorflow=False) == 1


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (DataError("the folder\nis empty"), 1, "the folder is empty"),
        (ConfigError("unknown model 'x'"), 2, "unknown model 'x'"),
        (PermissionError(13, "Permission denied", "/out"), 1, "/out: Permission denied"),
        (KeyboardInterrupt(), 130, "the same command goes on"),
    ],
)
def test_an_error_of_the_work_is_one_line_and_a_code(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_: Sample) -> None:
        raise error

    assert config.command(Sample, run, [], tensorflow=False) == code
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def run(_: Sample) -> None:
        raise DataError("the folder is empty")

    assert config.command(Sample, run, ["--debug"], tensorflow=False) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_fault_in_the_program_is_not_hidden() -> None:
    def run(_: Sample) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        config.command(Sample, run, [], tensorflow=False)


def test_settings_are_frozen_and_closed() -> None:
    with pytest.raises(ValidationError):
        Sample().seed = 1  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Sample(sede=1)  # type: ignore[call-arg]


def test_settings_survive_toml() -> None:
    settings = Sample(size=(3, 4), label_column=("a", "ü"), run=Path("x y"), max_minutes=0.25)
    assert config.loads(Sample, config.dumps(settings)) == settings


def test_the_digest_follows_what_is_computed_and_not_where_it_goes() -> None:
    plain = config.digest(Sample())
    assert re.fullmatch("[0-9a-f]{8}", plain)
    assert config.digest(Sample(name="x", run=Path("y"), debug=True)) == plain
    assert config.digest(Sample(seed=1)) != plain
    assert config.digest(Sample(epochs=1)) != plain


def test_differences_name_what_was_and_what_is() -> None:
    old, new = Sample(seed=1, name="a"), Sample(seed=2, name="b", size=(3, 4))
    assert config.differences(old, new) == ["seed: 1 then, 2 now", "size: not set then, [3, 4] now"]


def test_epochs_and_minutes_may_only_grow() -> None:
    assert config.differences(Sample(epochs=2, max_minutes=1), Sample(epochs=3)) == []
    assert config.differences(Sample(epochs=3), Sample(epochs=2)) == [
        "epochs: 3 then, 2 now (it may only grow)"
    ]


@pytest.mark.parametrize(
    ("data", "source"),
    [
        ("synthetic:nodules", "synthetic-nodules"),
        ("medmnist:pneumoniamnist:224", "medmnist-pneumoniamnist-224"),
        ("../data/pneumoniamnist.npz", "pneumoniamnist"),
        ("Röntgen Bilder/", "Röntgen-Bilder"),
        ("/", "data"),
    ],
)
def test_the_run_folder_is_named_after_its_source(data: str, source: str) -> None:
    settings = Sample(data=data)
    name = f"classify-{source}-{config.digest(settings)}"
    assert config.run_folder("classify", settings) == Path("runs") / name


def test_an_explicit_run_folder_is_kept() -> None:
    assert config.run_folder("classify", Sample(run=Path("a/b"))) == Path("a/b")
