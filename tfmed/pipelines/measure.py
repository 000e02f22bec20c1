"""Measure masks: sizes, diameters, centre lines, intensities and outlines, with units."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from tfmed import config
from tfmed.errors import ConfigError, DataError

if TYPE_CHECKING:
    from tfmed.measure import Measured, Task

DESCRIPTION = """Turn label maps into numbers with units, outlines and one page: measure.html.

Examples: `tfmed measure` (drawn organs), `tfmed measure --masks labels/ --images images/ --classes
liver=1,tumour=2 --out sizes`, `tfmed measure --masks cells/ --spacing-mm 0.0005 0.0005`.
Masks are NIfTI, PNG, TIFF, BMP or NPY: label values, 0 and 255, or a palette; 0 is background.
Beside the page: structures.csv, objects.csv, measures.json (what each column means), contours/
(GeoJSON and SVG), rejects.csv. Lengths are mm by the file's spacing; of files that tell none,
and without --spacing-mm, they are pixels, and the columns say so (_px)."""

DRAWN = 6  # files of which the page shows a picture
WORKERS = 8  # each may hold a volume
SECONDS = 3600.0
SHOWN = 3


class Config(config.Config):
    """Settings of `measure`."""

    masks: Path | None = Field(
        None, description="A label map, or a folder of them; without it, drawn organs."
    )
    images: Path | None = Field(
        None, description="The images they were drawn on, by equal names: adds intensities."
    )
    out: Path | None = Field(
        None, description="The folder for the results; by default measures/NAME-HASH."
    )
    classes: tuple[str, ...] = Field(
        (), description="Names of values, as liver=1,tumour=2; an absent class is listed as empty."
    )
    instances: bool = Field(
        False, description="Each value is one object, as cells are numbered; no classes."
    )
    spacing_mm: tuple[float, float] | tuple[float, float, float] | None = Field(
        None, description="Of files that tell none: row column, or slice row column, in mm."
    )
    no_skeleton: bool = Field(
        False, description="Leave out centre lines, which take most of the time of large organs."
    )
    max_rejects: float = Field(
        0.05, ge=0, le=1, description="The share of bad masks, 0 to 1, up to which it is a success."
    )


def run(settings: Config) -> None:
    """Measure each file, write tables, outlines and the page; then judge the rejects."""
    from tfmed import log
    from tfmed.evaluation import measure_page
    from tfmed.measure import masks, tables
    from tfmed.pipelines import checks
    from tfmed.run import Run

    names = masks.named(settings.classes)
    if names and settings.instances:
        raise ConfigError("--instances: each value is an object, so --classes cannot name them")
    if settings.spacing_mm is not None and min(settings.spacing_mm) <= 0:
        raise ConfigError(f"--spacing-mm: lengths above 0 are expected, got {settings.spacing_mm}")
    if settings.masks is None and settings.images is not None:
        raise ConfigError("--images needs --masks")
    folder = settings.out or _folder(settings)
    found, named = _tasks(settings, names, folder / "contours")
    checks.writable(folder, "--out")
    results = _measured(found)
    out = Run(folder)
    tables.write(out, results)
    page = measure_page.write(out, results, named)
    log.info(f"measured: {page}")
    _judge(results, len(found), settings.max_rejects)


def _folder(settings: Config) -> Path:
    """`measures/NAME-HASH`."""
    name = settings.masks.resolve().name.partition(".")[0] if settings.masks else "organs"
    return Path("measures") / f"{name}-{config.digest(settings, ignore=('out', 'debug'))}"


def _tasks(settings: Config, names: Mapping[int, str], contours: Path) -> tuple[list[Task], str]:
    """The files to measure, and a name for them all."""
    from tfmed import log
    from tfmed.data import organs
    from tfmed.measure import Task, files

    place, images = settings.masks, settings.images
    title = place.resolve().name if place else "Drawn organs"
    if place is None:
        drawn = organs.folder()
        place, images = drawn / "labels", drawn / "images"
        names = names or organs.CLASSES
    masks = files.listed(place)
    beside = files.images(masks, images)
    if images is not None and (alone := beside.count(None)):
        log.warning(f"{alone} of {len(masks)} masks have no image; their intensities are left out")
    stems = files.stems(name for _, name in masks)
    # Spread over the whole list, so that the page does not show one patient's slices alone.
    shown = {round(at * (len(masks) - 1) / max(DRAWN - 1, 1)) for at in range(DRAWN)}
    tasks = [
        Task(
            number=number + 1,
            path=path,
            name=name,
            image=beside[number],
            contours=contours,
            stem=stems[number],
            classes=names,
            spacing_mm=settings.spacing_mm,
            instances=settings.instances,
            lines=not settings.no_skeleton,
            draw=number in shown,
        )
        for number, (path, name) in enumerate(masks)
    ]
    return tasks, title


def _measured(tasks: list[Task]) -> list[Measured]:
    """Each file's figures; several files in worker processes."""
    from tfmed import log
    from tfmed.data import pool
    from tfmed.measure import Measured, measure

    if len(tasks) == 1:
        with log.progress(None, None, "measuring", "objects") as bar:
            return [measure(tasks[0], bar.advance)]
    workers = min(os.cpu_count() or 1, WORKERS, len(tasks) // 2)
    found = pool.run(
        measure, tasks, workers=workers, seconds=SECONDS, what="measuring", unit="masks"
    )
    return [
        Measured(rejects=[(str(task.path), one.reason)]) if isinstance(one, pool.Crash) else one
        for task, one in zip(tasks, found, strict=True)
    ]


def _judge(results: Sequence[Measured], count: int, share: float) -> None:
    """Stop with an error where too many masks could not be measured."""
    lost = [reject for one in results if not one.about for reject in one.rejects]
    beside = sum(len(one.rejects) for one in results if one.about)
    if beside:
        from tfmed import log

        log.warning(f"{beside} of {count} images could not be used; see rejects.csv")
    if len(lost) > share * count:
        more = "; ..." if len(lost) > SHOWN else ""
        told = "; ".join(f"{path}: {reason}" for path, reason in lost[:SHOWN]) + more
        raise DataError(
            f"{len(lost)} of {count} masks cannot be measured, more than the {share:.0%} that "
            f"--max-rejects allows: {told}"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """The command `tfmed measure`."""
    return config.command(Config, run, argv, "measure", DESCRIPTION, tensorflow=False)


if __name__ == "__main__":
    raise SystemExit(main())
