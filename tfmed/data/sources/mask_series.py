"""Which series of a folder a DICOM SEG file was drawn on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tfmed.data.dataset import Dataset, index
from tfmed.data.headers import read_headers
from tfmed.data.sources import dicom_series
from tfmed.data.sources.mask_dicom import NO_PIXELS, SEG, segmented, space
from tfmed.data.walk import may_be_image
from tfmed.errors import ConfigError

UNEVEN = "warn"  # about series that are no even volume; a mask finds its slices all the same


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
    skipped = (SEG, *NO_PIXELS)
    headers = read_headers(paths)
    shown = [
        path
        for path, header in zip(paths, headers, strict=True)
        if isinstance(header, str) or header.modality not in skipped
    ]
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
