"""Small makers of masks: folders of images with label maps, and DICOM SEG written by pydicom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import makers
import numpy as np
import pydicom
from PIL import Image as Pillow
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.utils import pack_bits
from pydicom.uid import ExplicitVRLittleEndian

SEG_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"


def image(path: Path, seed: int = 0, size: tuple[int, int] = (16, 20)) -> Path:
    """A grey PNG of noise."""
    return makers.raster(path, makers.noise(size, seed))


def mask(path: Path, *values: int, size: tuple[int, int] = (16, 20), palette: bool = False) -> Path:
    """A PNG of zeros with a square of 4 x 4 pixels for each value, side by side."""
    labels = np.zeros(size, np.uint8)
    for number, value in enumerate(values):
        labels[2:6, 4 * number : 4 * number + 4] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Pillow.fromarray(labels)
    if palette:
        picture.putpalette([number * 37 % 256 for number in range(768)])
    picture.save(path)
    return path


def pairs(
    folder: Path,
    count: int = 4,
    values: Sequence[int] = (255,),
    images: str = "images",
    masks: str = "masks",
) -> Path:
    """Images `case_N.png` in one folder and their masks in another."""
    for number in range(count):
        image(folder / images / f"case_{number}.png", number)
        mask(folder / masks / f"case_{number}.png", *values)
    return folder


def seg(
    path: Path,
    sources: Sequence[Path],
    segments: dict[str, np.ndarray],
    kind: str = "BINARY",
    **changes: Any,
) -> Path:
    """Write masks of DICOM slices as DICOM SEG, a frame for each slice that shows a segment.

    Args:
        path: of the file.
        sources: the slices, one file each.
        segments: label: bool `[D, H, W]`, or for `kind="FRACTIONAL"` 0 to 1.
        kind: `"BINARY"`, `"FRACTIONAL"` or `"LABELMAP"`.
        **changes: attributes to set at the end; None deletes one. `shift_mm` moves all frames
            along x, `reference` says whether the series is named, `places` whether planes are.
    """
    shift_mm = changes.pop("shift_mm", 0.0)
    reference, places = changes.pop("reference", True), changes.pop("places", True)
    slices = [pydicom.dcmread(source) for source in sources]
    first = slices[0]
    data = _seg_header(first, kind)
    if reference:
        item = Dataset()
        item.SeriesInstanceUID = first.SeriesInstanceUID
        data.ReferencedSeriesSequence = [item]
    data.SegmentSequence = [_segment(n, name) for n, name in enumerate(segments, start=1)]
    frames, groups = [], []
    shown = (
        segments
        if kind != "LABELMAP"
        else {"": sum(number * values for number, values in enumerate(segments.values(), start=1))}
    )
    for number, values in enumerate(shown.values(), start=1):
        for place in np.flatnonzero(np.asarray(values).any(axis=(1, 2))):
            frames.append(values[place])
            groups.append(_group(slices[place], number, shift_mm, places, kind))
    data.PerFrameFunctionalGroupsSequence = groups
    data.NumberOfFrames = len(frames)
    stacked = np.stack(frames)
    if kind == "BINARY":
        data.PixelData = pack_bits(stacked.astype(np.uint8).ravel())
    else:
        scale = 200 if kind == "FRACTIONAL" else 1
        raw = np.rint(stacked * scale).astype(np.uint8).tobytes()
        data.PixelData = raw + b"\0" * (len(raw) % 2)
    for keyword, value in changes.items():
        delattr(data, keyword) if value is None else setattr(data, keyword, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


def _seg_header(source: Dataset, kind: str) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = LABEL_MAP_STORAGE if kind == "LABELMAP" else SEG_STORAGE
    data.SOPInstanceUID = makers.uid("seg", source.SeriesInstanceUID, kind)
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.PatientID, data.Modality = source.PatientID, "SEG"
    data.StudyInstanceUID = source.StudyInstanceUID
    data.SeriesInstanceUID = makers.uid("seg series", source.SeriesInstanceUID)
    if "FrameOfReferenceUID" in source:
        data.FrameOfReferenceUID = source.FrameOfReferenceUID
    data.Rows, data.Columns, data.SamplesPerPixel = source.Rows, source.Columns, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    bits = 1 if kind == "BINARY" else 8
    data.BitsAllocated, data.BitsStored, data.HighBit = bits, bits, bits - 1
    data.PixelRepresentation, data.SegmentationType = 0, kind
    if kind == "FRACTIONAL":
        data.MaximumFractionalValue, data.SegmentationFractionalType = 200, "PROBABILITY"
    shared, turn, measures = Dataset(), Dataset(), Dataset()
    turn.ImageOrientationPatient = source.ImageOrientationPatient
    measures.PixelSpacing = source.PixelSpacing
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [turn], [measures]
    data.SharedFunctionalGroupsSequence = [shared]
    return data


def _segment(number: int, name: str) -> Dataset:
    item = Dataset()
    item.SegmentNumber, item.SegmentLabel = number, name
    return item


def _group(source: Dataset, number: int, shift_mm: float, places: bool, kind: str) -> Dataset:
    group, identity, place = Dataset(), Dataset(), Dataset()
    derivation, origin = Dataset(), Dataset()
    if kind != "LABELMAP":
        identity.ReferencedSegmentNumber = number
        group.SegmentIdentificationSequence = [identity]
    if places:
        x, y, z = source.ImagePositionPatient
        place.ImagePositionPatient = [float(x) + shift_mm, float(y), float(z)]
        group.PlanePositionSequence = [place]
    origin.ReferencedSOPInstanceUID = source.SOPInstanceUID
    derivation.SourceImageSequence = [origin]
    group.DerivationImageSequence = [derivation]
    return group
