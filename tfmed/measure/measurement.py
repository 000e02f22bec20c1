"""One mask file measured: its objects, its structures, its outlines written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tfmed import io
from tfmed.errors import TfmedError
from tfmed.image import Image
from tfmed.measure import definitions, drawing, label_maps, objects, picture, structures
from tfmed.measure.label_maps import Mask
from tfmed.measure.objects import Object

INSTANCE = "object"


@dataclass(frozen=True)
class MaskFile:
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
        draw: whether pictures are wanted.
        series: of a DICOM SEG its images: one a slice and in order, or one file of all frames;
            `image` is then None.
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
    draw: bool = False
    series: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Measured:
    """What a file gave.

    Attributes:
        about: number, name, shape, spacing and unit of the file; empty of one that could not be
            read.
        objects: a row for each, by full names.
        structures: a row for each, by full names.
        rejects: path and reason, of the mask or of its image.
        pictures: `section`, an SVG element, and of volumes `front`, a data URI.
    """

    about: dict[str, Any] = field(default_factory=dict)
    objects: list[dict[str, Any]] = field(default_factory=list)
    structures: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[tuple[str, str]] = field(default_factory=list)
    pictures: dict[str, str] = field(default_factory=dict)


def measure(task: MaskFile, advance: Callable[[], None] = lambda: None) -> Measured:
    """Measure a file; what is wrong with it becomes a reject, not an error.

    Args:
        task: the file.
        advance: called after each object.
    """
    try:
        on = _series(task.series) if task.series else None
        mask = label_maps.read(task.path, task.spacing_mm, on, task.series)
        names = {} if task.instances else label_maps.classes(task.path, mask, task.classes)
    except TfmedError as error:
        return Measured(rejects=[(str(task.path), label_maps.reason(error))])
    image, units, rejects = _image(task, mask, on)
    found = find(
        mask, names, image=image, lines=task.lines, instances=task.instances, advance=advance
    )
    every = [one for own in found.values() for one in own]
    drawing.write(task.contours, task.stem, mask, every)
    return Measured(
        about=_about(task, mask, image is not None, units),
        objects=[
            _row(task, mask, definitions.OBJECTS, {**one.figures, **_named(one)}) for one in every
        ],
        structures=[
            _row(
                task,
                mask,
                definitions.STRUCTURES,
                {**_whole(task, mask, value, own, image), "class": name, "value": value},
            )
            for (value, name), own in found.items()
        ],
        rejects=rejects,
        pictures=_pictures(mask, every, image) if task.draw and every else {},
    )


def find(
    mask: Mask,
    names: Mapping[int, str],
    *,
    image: np.ndarray | None = None,
    lines: bool = True,
    instances: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> dict[tuple[int, str], list[Object]]:
    """The objects of each structure, measured, by the structure's value and name.

    Args:
        mask: the label map.
        names: the structures by value.
        image: intensities, of the mask's shape.
        lines: whether centre lines are wanted.
        instances: whether each value is one object of one structure, `object`.
        advance: called after each object.
    """
    found: dict[tuple[int, str], list[Object]] = {}

    def add(name: str, value: int, number: int, box: objects.Box, solid: np.ndarray) -> None:
        one = objects.measure(mask, box, solid, image=image, lines=lines)
        one.name, one.value, one.number = name, value, number
        found[value, name].append(one)
        advance()

    if instances:
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


def _series(files: tuple[Path, ...]) -> Image:
    """The image of a DICOM SEG."""
    if len(files) == 1:
        return io.read(files[0])
    # Slices that are no even volume have no spacing, but values all the same.
    return io.read_series(list(files), on_geometry="ignore")


def _image(
    task: MaskFile, mask: Mask, on: Image | None
) -> tuple[np.ndarray | None, str, list[tuple[str, str]]]:
    """The intensities, their units, and why there are none."""
    place = task.series[0] if task.series else task.image
    if place is None:
        return None, "", []
    try:
        image = on or io.read(place)
        return label_maps.image_for(mask, place, image), image.units, []
    except TfmedError as error:
        text = f"its mask is measured without intensities: {label_maps.reason(error)}"
        return None, "", [(str(place), text)]


def _about(task: MaskFile, mask: Mask, with_image: bool, units: str) -> dict[str, Any]:
    return {
        "number": task.number,
        "file": task.name,
        "shape": list(mask.labels.shape),
        "spacing": list(mask.spacing),
        "unit": mask.unit,
        "image": with_image,
        "image_units": units,
        "outlines": f"{task.contours.name}/{task.stem}.geojson",
    }


def _named(one: Object) -> dict[str, Any]:
    return {"object": one.number, "class": one.name, "value": one.value}


def _whole(
    task: MaskFile, mask: Mask, value: int, own: list[Object], image: np.ndarray | None
) -> dict[str, Any]:
    """The figures of a structure."""
    values = None
    if image is not None and own:
        values = image[mask.labels > 0 if task.instances else mask.labels == value]
    return structures.measure(mask, own, values)


def _pictures(mask: Mask, every: list[Object], image: np.ndarray | None) -> dict[str, str]:
    shown = {"section": picture.section(mask, every, image)}
    if not mask.flat:
        shown["front"] = picture.front(mask)
    return shown


def _row(
    task: MaskFile, mask: Mask, wanted: tuple[definitions.Column, ...], figures: Mapping[str, Any]
) -> dict[str, Any]:
    """Figures under full names, in the order of the columns; what is undefined is None."""
    known = {**figures, "number": task.number, "file": task.name}
    full = definitions.units(wanted, mask.unit, mask.labels.ndim)
    return {full[short]: known.get(short) for short in full}
