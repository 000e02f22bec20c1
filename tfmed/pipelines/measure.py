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
    from tfmed.measure import MaskFile, Measured

DESCRIPTION = """Turn label maps into numbers with units, outlines and one page: measure.html.

Examples: `tfmed measure` (drawn organs), `tfmed measure --masks labels/ --images images/ --classes
liver=1,tumour=2 --out sizes`, `tfmed measure --masks cells/ --spacing-mm 0.0005 0.0005`,
`tfmed measure --run runs/liver`, `tfmed measure --masks segmentations/ --images series/`.
Masks are NIfTI, PNG, TIFF, BMP, NPY (label values, 0 and 255, or a palette; 0 is background) or
DICOM SEG. Beside the page: structures.csv, objects.csv, measures.json (what each column means),
contours/ (GeoJSON and SVG), rejects.csv, and of DICOM SEG with their images measurements.dcm, a
structured report (of several masks measurements/). Lengths are mm by the file's spacing; of files
that tell none, and without --spacing-mm, they are pixels, and the columns say so (_px)."""

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
        None,
        description=(
            "The images they were drawn on, by equal names, of DICOM SEG by what it refers to: "
            "adds intensities."
        ),
    )
    run: Path | None = Field(
        None, description="A run of `segment`: the masks it has drawn, over its images."
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
    from tfmed.measure import label_maps, result_files
    from tfmed.pipelines import checks, measuring
    from tfmed.run import Run

    names = label_maps.named(settings.classes)
    if names and settings.instances:
        raise ConfigError("--instances: each value is an object, so --classes cannot name them")
    if settings.spacing_mm is not None and min(settings.spacing_mm) <= 0:
        raise ConfigError(f"--spacing-mm: lengths above 0 are expected, got {settings.spacing_mm}")
    if settings.masks is None and settings.images is not None:
        raise ConfigError("--images needs --masks")
    if settings.run and (settings.masks or names or settings.instances):
        raise ConfigError("--run brings masks, images and classes; leave the others out")
    folder = settings.out or _folder(settings)
    found, named = _tasks(settings, names, folder / "contours")
    measuring.check_extra(found)
    checks.writable(folder, "--out")
    results = _measured(found)
    out = Run(folder)
    results = measuring.report(out, found, results)
    result_files.write(out, results)
    page = measure_page.write(out, results, named)
    log.info(f"measured: {page}")
    _judge(results, len(found), settings.max_rejects)


def _folder(settings: Config) -> Path:
    """`measures/NAME-HASH`."""
    place = settings.masks or settings.run
    name = place.resolve().name.partition(".")[0] if place else "organs"
    return Path("measures") / f"{name}-{config.digest(settings, ignore=('out', 'debug'))}"


def _tasks(
    settings: Config, names: Mapping[int, str], contours: Path
) -> tuple[list[MaskFile], str]:
    """The files to measure, and a name for them all."""
    from tfmed.data.sources import organs
    from tfmed.measure import MaskFile
    from tfmed.pipelines import measuring

    place, images = settings.masks, settings.images
    title = place.resolve().name if place else "Drawn organs"
    if settings.run is not None:
        found, title = measuring.of_run(settings.run), settings.run.resolve().name
    else:
        if place is None:
            drawn = organs.folder()
            place, images = drawn / "labels", drawn / "images"
            names = names or organs.CLASSES
        found = measuring.of_masks(place, images, names, settings.spacing_mm)
    # Spread over the whole list, so that the page does not show one patient's slices alone.
    shown = {round(at * (len(found) - 1) / max(DRAWN - 1, 1)) for at in range(DRAWN)}
    tasks = [
        MaskFile(
            number=number + 1,
            path=one.path,
            name=one.name,
            image=one.image,
            contours=contours,
            stem=one.stem,
            classes=one.classes,
            spacing_mm=one.spacing_mm,
            instances=settings.instances,
            lines=not settings.no_skeleton,
            draw=number in shown,
            series=one.series,
        )
        for number, one in enumerate(found)
    ]
    return tasks, title


def _measured(tasks: list[MaskFile]) -> list[Measured]:
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

        log.warning(f"{beside} of {count} masks lack intensities or a report; see rejects.csv")
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
