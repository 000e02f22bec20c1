"""The `tfmed` command."""

from __future__ import annotations

import pytest

import tfmed
from tfmed import __main__ as command
from tfmed.pipelines import PIPELINES


def test_without_arguments_every_pipeline_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    out = capsys.readouterr().out
    for name in PIPELINES:
        assert f"\n  {name} " in out
    assert "not in this installation" not in out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--version"]) == 0
    assert capsys.readouterr().out == f"tfmed {tfmed.__version__}\n"


def test_an_unknown_pipeline_is_met_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["clasify"]) == 2
    err = capsys.readouterr().err
    assert "did you mean 'classify'?" in err
    assert err.count("\n") == 1


def test_a_pipeline_gets_the_arguments_behind_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(command.config, "lookup", lambda *_: lambda argv: seen.extend(argv) or 7)
    assert command.main(["classify", "--seed", "3"]) == 7
    assert seen == ["--seed", "3"]
