"""The report of a run: one HTML file that opens offline."""

from __future__ import annotations

from pathlib import Path

import jinja2

from tfmed.evaluation import wording
from tfmed.evaluation.contents import Contents
from tfmed.run import Run, write_text
from tfmed.tables import lookup

TEMPLATES = Path(__file__).parent / "templates"
# What makes the values for a task's template. That of masks loads TensorFlow, with the task.
VIEWS = {
    "classification": "tfmed.evaluation.sections_of_classes:view",
    "segmentation": "tfmed.evaluation.sections_of_masks:view",
}
PAGES = {"classification": "report_of_classes.html", "segmentation": "report_of_masks.html"}


def write(run: Run, contents: Contents) -> Path:
    """Write `report.html` into the run's folder.

    Returns:
        Where it is.
    """
    path = run.path("report.html")
    write_text(path, render(contents))
    return path


def render(contents: Contents) -> str:
    """The report as one HTML page, with no link, font, script or picture from outside."""
    view = lookup(VIEWS, contents.task, "task")
    return environment().get_template(PAGES[contents.task]).render(view(contents))


def environment() -> jinja2.Environment:
    """The templates of all pages, with the words and the look that they share."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
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
