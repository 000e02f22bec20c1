"""The page that a task's own template makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import pytest

from tfmed.data.dataset import Dataset
from tfmed.evaluation import Answered, Contents, render, write
from tfmed.run import Run

OWN = (
    "<!DOCTYPE html><style>{{ css | safe }}</style>"
    "<p>{{ contents.name }}, {{ counted }}: {{ own }}</p>"
)


class Counting:
    """A task with a template of its own."""

    def __init__(self, template: Path, **named: Any) -> None:
        self.template, self.named = template, named

    def page(self, answered: Answered) -> tuple[Path, dict[str, Any]]:
        """The template and what it names."""
        return self.template, self.named


def answered(folder: Path, **named: Any) -> Answered:
    (folder / "own").mkdir()
    (folder / "own" / "counted.html").write_text(OWN, encoding="utf-8")
    contents = Contents("cells", (), {"examples": 3, "patients": 2}, pd.DataFrame())
    task: Any = Counting(folder / "own" / "counted.html", **named)
    return Answered(contents, Run(folder / "run"), Dataset(pd.DataFrame(), (), "cells"), task)


def test_a_task_brings_its_template_and_shares_the_words_of_all(tmp_path: Path) -> None:
    page = render(answered(tmp_path, own="<7>"))
    assert "<p>cells, 3 examples of 2 patients: &lt;7&gt;</p>" in page
    assert "<style>:root {" in page


def test_what_a_template_names_and_nobody_gives_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(jinja2.UndefinedError, match="own"):
        render(answered(tmp_path))


def test_the_report_is_written_into_the_run(tmp_path: Path) -> None:
    path = write(answered(tmp_path, own="7"))
    assert path == tmp_path / "run" / "report.html"
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
