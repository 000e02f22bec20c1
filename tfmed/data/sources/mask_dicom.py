"""Trees of DICOM whose masks are DICOM SEG objects, and which series each of these was drawn on.

Source: DICOM PS3.3 A.51 and C.8.20 (segmentation: binary, fractional, label map).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pydicom

from tfmed.data.dataset import Dataset, index
from tfmed.data.headers import read_headers
from tfmed.data.mask_files import DICOM_SEG
from tfmed.data.sources import dicom_series
from tfmed.data.sources.wishes import Wishes
from tfmed.data.truth.mask_classes import BACKGROUND, chosen
from tfmed.data.walk import may_be_image, part_name
from tfmed.errors import ConfigError, DataError, ReadError, TfmedError
from tfmed.io.guard import reading

SEG = "SEG"
NO_PIXELS = (SEG, "SR", "PR", "KO", "RTSTRUCT", "RTPLAN", "REG", "DOC")
NO_SERIES = "no series of the folder is the one that it segments"
UNEVEN = "warn"  # about series that are no even volume; a mask finds its slices all the same
TAGS = ["ReferencedSeriesSequence", "FrameOfReferenceUID", "SegmentSequence"]


@dataclass(frozen=True)
class Segmented:
    """What a DICOM SEG file says of itself.

    Attributes:
        path: the file.
        series: UIDs of the series that it segments.
        frame_of_reference: the UID of its space, or "".
        segments: their labels.
    """

    path: str
    series: tuple[str, ...]
    frame_of_reference: str
    segments: tuple[str, ...]


def open_tree(root: Path, files: Sequence[Path], wishes: Wishes) -> Dataset:
    """The series of a folder, each with the DICOM SEG files that segment it.

    They belong together by the UID of the referenced series, else by the frame of reference where
    one series alone has it. A series without one has no mask.

    Raises:
        DataError: no DICOM SEG belongs to a series.
        ConfigError: a wished class is no segment.
    """
    if wishes.unit == "image":
        raise ConfigError("DICOM with masks is read by series; leave --unit out")
    images = [str(path) for path in files if may_be_image(path)]
    kinds = _kinds(images)
    found = [segmented(path) for path, kind in zip(images, kinds, strict=True) if kind == SEG]
    unread = [one for one in found if isinstance(one, tuple)]
    if len(unread) == len(found):
        why = f"; the first: {unread[0][1]}" if unread else ""
        raise DataError(
            f"{root} holds DICOM and {len(found) or 'no'} DICOM SEG to read{why}. Masks are "
            "expected as DICOM SEG beside or below the series that they segment"
        )
    shown = [path for path, kind in zip(images, kinds, strict=True) if kind not in NO_PIXELS]
    ids = [Path(path).relative_to(root).as_posix() for path in shown]
    parts = [part_name(one.partition("/")[0]) or "" for one in ids]
    table = index({"id": ids, "path": shown, "patient": ids, "split": parts})
    dataset = Dataset(table, (), root.name, facts={"source": str(root)})
    unit = "series" if wishes.unit == "auto" else wishes.unit
    dataset = dicom_series.group(dataset, unit, wishes.on_geometry)
    return _with_masks(dataset, found, wishes)


def _kinds(paths: Sequence[str]) -> list[str]:
    """The modality of each DICOM file, "" of one that cannot be read."""
    return ["" if isinstance(one, str) else one.modality for one in read_headers(paths)]


def series_of(segmentations: Sequence[Path], place: Path) -> list[tuple[Path, ...]]:
    """The images of each DICOM SEG file: one a slice and in order, or one of all frames.

    They belong together by the UID of the referenced series, else by the frame of reference where
    one series alone has it.

    Args:
        segmentations: the files; one that cannot be read has no images.
        place: the folder of the images, in sub-folders or not, or one image.

    Returns:
        The files for each; none where no series fits.

    Raises:
        ConfigError: there is no such place.
        DataError: it holds no DICOM image.
    """
    if not place.exists():
        raise ConfigError(f"--images: there is no file or folder {place}")
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    paths = [str(path) for path in files if path.is_file() and may_be_image(path)]
    kinds = _kinds(paths)
    shown = [path for path, kind in zip(paths, kinds, strict=True) if kind not in NO_PIXELS]
    names = {"id": shown, "path": shown, "patient": shown, "split": [""] * len(shown)}
    dataset = Dataset(index(names), (), place.name)
    table = dicom_series.group(dataset, "series", UNEVEN).table
    every = [
        tuple(Path(one) for one in (files or (path,)))
        for path, files in zip(table["path"], table["files"], strict=True)
    ]
    by_series = dict(zip(table["series"], every, strict=True))
    found: list[tuple[Path, ...]] = []
    for path in segmentations:
        about = segmented(str(path))
        if isinstance(about, tuple):
            found.append(())
            continue
        own = [by_series[series] for series in about.series if series in by_series]
        if not own and about.frame_of_reference:
            own = [one for one in every if space(str(one[0])) == about.frame_of_reference]
        found.append(own[0] if len(own) == 1 else ())
    return found


def segmented(path: str) -> Segmented | tuple[str, str]:
    """What a DICOM SEG says of itself, or its path and why it cannot be read."""
    try:
        with reading(path, "the DICOM SEG header cannot be parsed"):
            data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(TAGS))
            series = data.get("ReferencedSeriesSequence") or []
            names = [str(one.SegmentLabel).strip() for one in data.SegmentSequence]
            return Segmented(
                path,
                tuple(str(one.SeriesInstanceUID) for one in series),
                str(data.get("FrameOfReferenceUID", "")),
                tuple(name for name in names if name.casefold() != BACKGROUND),
            )
    except ReadError as error:
        return path, error.reason


def _with_masks(
    dataset: Dataset, found: Sequence[Segmented | tuple[str, str]], wishes: Wishes
) -> Dataset:
    by_series = {series: row for row, series in enumerate(dataset.table["series"])}
    spaces: defaultdict[str, list[int]] = defaultdict(list)
    for row, path in enumerate(dataset.table["path"]):
        spaces[space(path)].append(row)
    held: defaultdict[int, list[Segmented]] = defaultdict(list)
    rejects = [one for one in found if isinstance(one, tuple)]
    for one in found:
        if isinstance(one, tuple):
            continue
        rows = [by_series[series] for series in one.series if series in by_series]
        rows = rows or (spaces[one.frame_of_reference] if one.frame_of_reference else [])
        if len(rows) == 1:
            held[rows[0]].append(one)
        else:
            several = f"it fits {len(rows)} series of one frame of reference, and names none"
            rejects.append((one.path, several if rows else NO_SERIES))
    segments = _segments([one for ones in held.values() for one in ones], wishes, dataset)
    masks: list[tuple[str, ...] | None] = [None] * len(dataset)
    lost = []
    for row, ones in held.items():
        names = [name for one in ones for name in one.segments if name in segments]
        if len(set(names)) < len(names):
            lost.append(row)
        masks[row] = tuple(one.path for one in ones)
    table = dataset.table.assign(mask=masks)
    dataset = replace(dataset.with_table(table), classes=(BACKGROUND, *segments))
    dataset = dataset.with_rejects(rejects)
    twice = dataset.table.index.isin(lost)
    dataset = dataset.without(
        dataset.table["mask"].notna() & twice, "two of its segments have one label; keep one"
    )
    about = {
        "kind": DICOM_SEG,
        "values": list(range(len(segments) + 1)),
        "named_by": "DICOM SEG",
        "segments": ["", *segments],
        "said": f"DICOM SEG with the segments {', '.join(segments)}; where they overlap, the "
        "later one counts",
    }
    return dataset.with_facts(masks=about)


def space(path: str) -> str:
    """The UID of an image's frame of reference, "" where it has none."""
    try:
        with reading(path, "the DICOM header cannot be parsed"):
            data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[TAGS[1]])
            return str(data.get("FrameOfReferenceUID", ""))
    except TfmedError:
        return ""


def _segments(found: Sequence[Segmented], wishes: Wishes, dataset: Dataset) -> tuple[str, ...]:
    """The labels that are classes: the wished ones, or all in the order of the files."""
    if not found:
        raise DataError(
            f"no DICOM SEG of {dataset.name} belongs to one of its {len(dataset)} series, neither "
            "by the referenced series nor by the frame of reference"
        )
    ordered = sorted(found, key=lambda one: one.path)
    labels = tuple(dict.fromkeys(name for one in ordered for name in one.segments))
    return chosen(wishes.classes, labels, "is no segment")
