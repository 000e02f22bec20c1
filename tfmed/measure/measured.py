"""One mask file measured: its objects, its structures, its outlines written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tfmed.errors import TfmedError
from tfmed.measure import columns, drawing, masks, objects, structures
from tfmed.measure.masks import Mask
from tfmed.measure.objects import Object

INSTANCE = "object"


@dataclass(frozen=True)
class Task:
    """A mask file, and how it is measured.

    Attributes:
        number: of the file, from 1.
        path: of the mask.
        name: what the tables call it: the path below the folder that was asked for.
        image: the path of its image, or None.
        contours: the folder for outlines.
        stem: of the outlines' files.
        classes: names by value; of none each value that occurs is a class.
        spacing_mm: of a file that tells none.
        instances: whether each value is one object.
        lines: whether centre lines are wanted.
    """

    number: int
    path: Path
    name: str
    image: Path | None
    contours: Path
    stem: str
    classes: Mapping[int, str] = field(default_factory=dict)
    spacing_mm: tuple[float, ...] | None = None
    instances: bool = False
    lines: bool = True


@dataclass(frozen=True)
class Measured:
    """What a file gave.

    Attributes:
        about: number, name, shape, spacing and unit of the file; empty of one that could not be
            read.
        objects: a row for each, by full names.
        structures: a row for each, by full names.
        rejects: path and reason, of the mask or of its image.
    """

    about: dict[str, Any] = field(default_factory=dict)
    objects: list[dict[str, Any]] = field(default_factory=list)
    structures: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[tuple[str, str]] = field(default_factory=list)


def measure(task: Task) -> Measured:
    """Measure a file; what is wrong with it becomes a reject, not an error."""
    try:
        mask = masks.read(task.path, task.spacing_mm)
        names = {} if task.instances else masks.classes(task.path, mask, task.classes)
    except TfmedError as error:
        return Measured(rejects=[(str(task.path), masks.reason(error))])
    image, rejects = _image(task, mask)
    found = find(mask, names, image, task.lines)
    drawing.write(task.contours, task.stem, mask, [one for own in found.values() for one in own])
    about = {
        "number": task.number,
        "file": task.name,
        "shape": list(mask.labels.shape),
        "spacing": list(mask.spacing),
        "unit": mask.unit,
        "image": image is not None,
        "outlines": f"{task.contours.name}/{task.stem}.geojson",
    }
    parts = []
    for (value, name), own in found.items():
        values = None
        if image is not None and own:
            values = image[mask.labels > 0 if task.instances else mask.labels == value]
        parts.append(
            _row(task, mask, columns.STRUCTURES, name, value, structures.measure(mask, own, values))
        )
    rows = [
        _row(
            task, mask, columns.OBJECTS, one.name, one.value, {**one.figures, "object": one.number}
        )
        for own in found.values()
        for one in own
    ]
    return Measured(about, rows, parts, rejects)


def find(
    mask: Mask,
    names: Mapping[int, str],
    image: np.ndarray | None = None,
    lines: bool = True,
    advance: Callable[[], None] = lambda: None,
) -> dict[tuple[int, str], list[Object]]:
    """The objects of each structure, measured, by the structure's value and name.

    Args:
        mask: the label map.
        names: the structures by value; of none each value is one object of one structure, 0.
        image: intensities, of the mask's shape.
        lines: whether centre lines are wanted.
        advance: called after each object.
    """
    found: dict[tuple[int, str], list[Object]] = {}

    def add(name: str, value: int, number: int, box: objects.Box, solid: np.ndarray) -> None:
        one = objects.measure(mask, box, solid, image=image, lines=lines)
        one.name, one.value, one.number = name, value, number
        found[value, name].append(one)
        advance()

    if not names:
        found[0, INSTANCE] = []
        for value, box, solid in objects.instances(mask):
            add(INSTANCE, 0, value, box, solid)
    for value, name in names.items():
        found[value, name] = []
        for number, (box, solid) in enumerate(objects.split(mask, value), 1):
            add(name, value, number, box, solid)
    for own in found.values():
        objects.neighbours(own, mask.spacing)
    return found


def _image(task: Task, mask: Mask) -> tuple[np.ndarray | None, list[tuple[str, str]]]:
    if task.image is None:
        return None, []
    try:
        return masks.image_for(mask, task.image), []
    except TfmedError as error:
        text = f"its mask is measured without intensities: {masks.reason(error)}"
        return None, [(str(task.image), text)]


def _row(
    task: Task,
    mask: Mask,
    wanted: tuple[columns.Column, ...],
    name: str,
    value: int,
    figures: Mapping[str, Any],
) -> dict[str, Any]:
    """Figures under full names, in the order of the columns; what is undefined is None."""
    known = {**figures, "number": task.number, "file": task.name, "class": name, "value": value}
    full = columns.units(wanted, mask.unit, mask.labels.ndim)
    return {full[short]: known.get(short) for short in full}
