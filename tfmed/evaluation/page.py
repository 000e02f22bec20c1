"""The report of a run: one HTML file that opens offline."""

from __future__ import annotations

from pathlib import Path

import jinja2

from tfmed.evaluation import sections, wording
from tfmed.evaluation.contents import Answered
from tfmed.run import write_text

TEMPLATES = Path(__file__).parent / "templates"


def write(answered: Answered) -> Path:
    """Write `report.html` into the folder of a run.

    Returns:
        Where it is.
    """
    path = answered.run.path("report.html")
    write_text(path, render(answered))
    return path


def render(answered: Answered) -> str:
    """The report as one HTML page, with no link, font, script or picture from outside."""
    template, own = answered.task.page(answered)
    page = environment(template.parent).get_template(template.name)
    return page.render({**sections.shared(answered.contents), **own})


def environment(*folders: Path) -> jinja2.Environment:
    """The templates of all pages, with the words and the look that they share.

    Args:
        folders: where a task's own template lies.
    """
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATES, *folders]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(heading=wording.heading, sentence=wording.sentence)
    made.globals.update(cell=wording.cell, setting=wording.setting, css=_css())
    return made


def _css() -> str:
    return (TEMPLATES / "report.css").read_text(encoding="utf-8")
