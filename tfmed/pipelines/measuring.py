"""What `measure` measures, of a folder of masks or of a run, and its DICOM reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tfmed import log
from tfmed.data import stored
from tfmed.data.sources import mask_dicom
from tfmed.errors import ConfigError, TfmedError
from tfmed.io import dicom_seg, dicom_seg_out, dicom_sr
from tfmed.measure import MaskFile, Measured, files, label_maps
from tfmed.run import Run

PREDICTIONS = "predictions.csv"
REPORT, REPORTS = "measurements.dcm", "measurements"
# Masks that hold their source's own values; others hold the numbers of the classes.
OWN_VALUES = ("labels", "binary", "palette")


@dataclass(frozen=True)
class Found:
    """A mask to measure.

    Attributes:
        path: of the mask.
        name: what the tables call it.
        stem: of its outlines' files.
        image: the file of its image, or None.
        series: of a DICOM SEG the files of its images.
        classes: names by value.
        spacing_mm: where the file tells none.
    """

    path: Path
    name: str
    stem: str
    image: Path | None = None
    series: tuple[Path, ...] = ()
    classes: Mapping[int, str] = field(default_factory=dict)
    spacing_mm: tuple[float, ...] | None = None


def of_masks(
    place: Path,
    images: Path | None,
    names: Mapping[int, str],
    spacing_mm: tuple[float, ...] | None,
) -> list[Found]:
    """The masks of a folder, or one, each with its image.

    Raises:
        ConfigError: there is no such place, or no image fits.
        DataError: it holds no mask.
    """
    every = files.listed(place)
    segmented = [path for path, _ in every if dicom_seg.is_seg(path)]
    others = [pair for pair in every if pair[0] not in segmented]
    beside: dict[Path, Path | None] = {}
    series: dict[Path, tuple[Path, ...]] = {}
    if images is not None and segmented:
        found = mask_dicom.series_of(segmented, images)
        series = dict(zip(segmented, found, strict=True))
    if others:
        beside = dict(zip([path for path, _ in others], files.images(others, images), strict=True))
    alone = sum(not (beside.get(path) or series.get(path)) for path, _ in every)
    if images is not None and alone:
        log.warning(f"{alone} of {len(every)} masks have no image; their intensities are left out")
    return [
        Found(path, name, stem, beside.get(path), series.get(path, ()), names, spacing_mm)
        for (path, name), stem in zip(every, files.stems(name for _, name in every), strict=True)
    ]


def of_run(folder: Path) -> list[Found]:
    """The masks that a run of `segment` has drawn, with its images and classes.

    Raises:
        ConfigError: it is no such run, or not yet at its end.
    """
    run = Run(folder)
    dataset = stored.stored(run) if stored.is_stored(run) else None
    if dataset is None or "masks" not in dataset.facts or not run.has(PREDICTIONS):
        raise ConfigError(f"--run: {folder} is no finished run of `tfmed segment`")
    about = dataset.facts["masks"]
    values = about["values"] if about["kind"] in OWN_VALUES else range(len(dataset.classes))
    classes = dict(zip(values, dataset.classes, strict=True))
    classes.pop(values[0])
    examples = dataset.table.set_index("id", drop=False)
    drawn = run.read_table(PREDICTIONS)
    paths = [folder / str(one) for one in drawn["prediction"]]
    stems = files.stems(path.name for path in paths)
    return [
        _of_example(examples.loc[id_].to_dict(), path, stem, classes)
        for id_, path, stem in zip(drawn["id"].astype(str), paths, stems, strict=True)
    ]


def _of_example(
    example: Mapping[str, Any], path: Path, stem: str, classes: Mapping[int, str]
) -> Found:
    several = tuple(Path(one) for one in example["files"]) if example["files"] is not None else ()
    known = [example[f"{axis}_spacing_mm"] for axis in ("slice", "row", "column")]
    spacing = tuple(float(one) for one in known if one is not None and not np.isnan(one))
    image = Path(example["path"])
    segmented = path.suffix in label_maps.DICOM_SUFFIXES
    return Found(
        path,
        path.name,
        stem,
        image=None if segmented or several else image,
        series=(several or (image,)) if segmented else (),
        classes=classes,
        spacing_mm=spacing if len(spacing) > 1 else None,
    )


def check_extra(tasks: Sequence[MaskFile]) -> None:
    """Say what to install where reports cannot be written.

    Raises:
        MissingExtra: highdicom is not installed, and there are DICOM SEG with their images.
    """
    if any(task.series for task in tasks):
        dicom_seg_out.check_extra("DICOM SR")


def report(out: Run, tasks: Sequence[MaskFile], results: Sequence[Measured]) -> list[Measured]:
    """Write what was measured in DICOM SEG as structured reports.

    Returns:
        The results, with a reject for each report that could not be written.
    """
    wanted = [
        number
        for number, (task, one) in enumerate(zip(tasks, results, strict=True))
        if task.series and any(row["objects"] for row in one.structures)
    ]
    found = list(results)
    for number in wanted:
        task, one = tasks[number], results[number]
        name = REPORT if len(tasks) == 1 else f"{REPORTS}/{task.stem}.dcm"
        try:
            units = one.about["image_units"]
            dicom_sr.write(out.path(name), task.path, task.series, one.structures, units)
        except TfmedError as error:
            reject = (str(task.path), f"it has no DICOM report: {label_maps.reason(error)}")
            found[number] = replace(one, rejects=[*one.rejects, reject])
    if wanted:
        log.info(f"DICOM reports: {len(wanted)}")
    return found
