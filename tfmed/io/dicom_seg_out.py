"""Label maps out as DICOM SEG, on the slices of the DICOM images that they are of.

Source: DICOM PS3.3 A.51 (segmentation IOD), C.8.20.2 (segment descriptions), through highdicom.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from tfmed.errors import GeometryError, MissingExtra, ReadError
from tfmed.io.dicom_codes import structure
from tfmed.io.dicom_geometry import even_step, functional_groups, numbers, pixel_spacing, planes
from tfmed.io.dicom_seg import LONGEST_LABEL
from tfmed.io.guard import reading
from tfmed.run import write_aside

EXTRA = "dicom"
MANUFACTURER, MODEL = "tfmed", "tfmed (research use; not a medical device)"
SERIES_NUMBER = 900  # scanners count from 1; no standard says what follows
# Type 2 of the modules of patient, study and equipment: present, if with no value.
MAY_BE_EMPTY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID",
    "StudyDate", "StudyTime",
)  # fmt: skip
# All else that is read of a source: type 3 attributes of patient and study stay behind, because
# no standard demands them, and codes among them are often broken.
TAKEN = (
    "SpecificCharacterSet", "Modality", "ReferringPhysicianName", "FrameOfReferenceUID",
    "PositionReferenceIndicator", "InstanceNumber", "NumberOfFrames", "Rows", "Columns",
    "ImagePositionPatient", "ImageOrientationPatient", "PatientOrientation", "PixelSpacing",
    "ImagerPixelSpacing", "NominalScannedPixelSpacing", "SliceThickness", "SpacingBetweenSlices",
    "GridFrameOffsetVector", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
    "AcquisitionDate", "AcquisitionTime", "ContentDate", "ContentTime",
)  # fmt: skip
MUST_BE = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


def check_extra(what: str) -> None:
    """Say what to install where highdicom is missing.

    Raises:
        MissingExtra: it is.
    """
    if find_spec("highdicom") is None:
        raise MissingExtra(what, "highdicom", EXTRA)


def write(
    path: Path, labels: np.ndarray, sources: Sequence[str | Path], classes: Sequence[str]
) -> None:
    """Write a label map as DICOM SEG: binary, a segment for each class but the background.

    Of the source come the attributes of patient, study and frame of reference that the standard
    demands, and the references to its images; no others. Where a source with positions names no
    frame of reference, one is made from its series' UID, the same for every SEG of that series.

    Args:
        path: ends with `.dcm`.
        labels: unsigned integers `[D, H, W]`, or `[H, W]` of one image: 0 is background, else the
            index in `classes`; slices in the order of `sources`, or of its frames.
        sources: the DICOM images, one a slice, or one file of all frames.
        classes: names, the background first.

    Raises:
        MissingExtra: highdicom is not installed.
        ReadError: a source cannot be read, or lacks what a SEG must tell.
        GeometryError: there are more slices, or other rows and columns, than in the sources.
    """
    check_extra("DICOM SEG")
    images = headers(sources)
    volume = labels if labels.ndim == 3 else labels[np.newaxis]
    frames = len(images) if len(images) > 1 else int(images[0].get("NumberOfFrames") or 1)
    size = (frames, int(images[0].Rows), int(images[0].Columns))
    if volume.shape != size:
        raise GeometryError(
            f"{Path(sources[0]).parent}: the images are {size}, their mask's shape {volume.shape}"
        )
    with reading(sources[0], "no DICOM SEG can be made of it"):
        made = _segmentation(images, volume.astype(np.uint8), classes)
        _mend(made, images[0], frames)
    write_aside(path, made.save_as)


def _mend(made: Any, first: pydicom.Dataset, frames: int) -> None:
    """What highdicom leaves out of a SEG of an image without a place, and makes up of a single."""
    shared = made.SharedFunctionalGroupsSequence[0]
    if "PlaneOrientationSequence" not in shared:
        made.PatientOrientation = first.get("PatientOrientation")
    if frames == 1 and "PixelMeasuresSequence" in shared:
        shared.PixelMeasuresSequence[0].pop("SpacingBetweenSlices", None)


def headers(sources: Sequence[str | Path]) -> list[pydicom.Dataset]:
    """The images' headers, with what highdicom takes from them and files may lack.

    Raises:
        ReadError: one cannot be read, or lacks a UID.
    """
    tags: list[Any] = [*MUST_BE, *MAY_BE_EMPTY, *TAKEN]
    found: list[pydicom.Dataset] = []
    for path in sources:
        with reading(path, "the DICOM header cannot be parsed"):
            data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags)
            lost = [name for name in MUST_BE if not data.get(name)]
        if lost:
            raise ReadError(path, f"it has no {', '.join(lost)}, which DICOM SEG and SR refer to")
        for name in MAY_BE_EMPTY:
            if name not in data:
                setattr(data, name, None)
        if _is_placed(data):
            _complete_place(data)
        found.append(data)
    _complete_thickness(found)
    return found


def _is_placed(data: pydicom.Dataset) -> bool:
    return planes(data, int(data.get("NumberOfFrames") or 1)) is not None


def _complete_place(data: pydicom.Dataset) -> None:
    """A frame of reference and a spacing where the place is known without."""
    if not data.get("FrameOfReferenceUID"):
        own = [str(data.SeriesInstanceUID), "frame of reference"]
        data.FrameOfReferenceUID = pydicom.uid.generate_uid(entropy_srcs=own)
    spacing = pixel_spacing(data)
    if "PixelSpacing" not in data and spacing is not None:
        data.PixelSpacing = list(spacing)


def _complete_thickness(images: Sequence[pydicom.Dataset]) -> None:
    """The slices' distance as their thickness where none is told: a SEG must have one."""
    first = images[0]
    count = int(first.get("NumberOfFrames") or 1)
    found = [one for data in images for one in planes(data, count) or []]
    step = even_step([one.along for one in found])
    measures = functional_groups(first, "PixelMeasuresSequence")
    for place in measures or images:
        if numbers(place, "SliceThickness", 1) is None:
            place.SliceThickness = None if step is None else pydicom.valuerep.DS(step, True)


def _segmentation(images: list[pydicom.Dataset], volume: np.ndarray, classes: Sequence[str]) -> Any:
    import highdicom
    from pydicom.sr.codedict import codes

    from tfmed import __version__

    algorithm = highdicom.AlgorithmIdentificationSequence(
        name=MANUFACTURER, family=codes.DCM.ArtificialIntelligence, version=__version__
    )
    segments = []
    for number, name in enumerate(classes[1:], start=1):
        category, kind = structure(name)
        segments.append(
            highdicom.seg.SegmentDescription(
                segment_number=number,
                segment_label=name[:LONGEST_LABEL],
                segmented_property_category=category,
                segmented_property_type=kind,
                algorithm_type="AUTOMATIC",
                algorithm_identification=algorithm,
                tracking_uid=highdicom.UID(),
                tracking_id=name[:LONGEST_LABEL],
            )
        )
    return highdicom.seg.Segmentation(
        images,
        volume,
        "BINARY",
        segments,
        series_instance_uid=highdicom.UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL,
        software_versions=__version__,
        device_serial_number="none",
        content_label="SEGMENTATION",
        omit_empty_frames=bool(volume.any()),
        content_description=f"masks drawn by {MANUFACTURER}",
        series_description=f"{MODEL}: masks",
    )
