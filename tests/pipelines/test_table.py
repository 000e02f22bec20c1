"""Every row of the table of pipelines is a command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tfmed import config
from tfmed.pipelines import PIPELINES


@pytest.mark.parametrize("name", PIPELINES)
def test_help_teaches_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert config.lookup(PIPELINES, name, "pipeline")(["--help"]) == 0
    out = capsys.readouterr().out
    assert f"usage: tfmed {name} [RECIPE.toml]" in out
    assert out.count(f"tfmed {name}") > 1, "the description has no example command"


@pytest.mark.parametrize("name", PIPELINES)
def test_every_setting_says_what_it_means(name: str) -> None:
    settings = config.lookup({name: PIPELINES[name].replace(":main", ":Config")}, name, "Config")
    silent = [key for key, field in settings.model_fields.items() if not field.description]
    assert silent == []


@pytest.mark.parametrize("name", PIPELINES)
def test_an_unknown_flag_is_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert config.lookup(PIPELINES, name, "pipeline")(["--debg"]) == 2
    err = capsys.readouterr().err
    assert err == "error: unknown setting --debg; did you mean '--debug'?\n"


def test_help_does_not_wait_for_tensorflow() -> None:
    code = (
        "import sys\nfrom tfmed.pipelines import PIPELINES\nfrom tfmed.config import lookup\n"
        "for name in PIPELINES: lookup(PIPELINES, name, '')(['--help'])\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
