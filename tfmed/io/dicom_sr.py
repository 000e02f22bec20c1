"""Measurements out as a DICOM structured report of template TID 1500.

Source: DICOM PS3.16 TID 1500 (measurement report), 1410 and 1411 (planar and volumetric regions),
1419 (measurements), through highdicom.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.sr.coding import Code

from tfmed.errors import DataError
from tfmed.io.dicom_codes import LOCAL, SCT, structure
from tfmed.io.dicom_seg import groups
from tfmed.io.dicom_seg_out import MANUFACTURER, MODEL, check_extra, headers
from tfmed.io.guard import reading
from tfmed.run import write_aside

SERIES_NUMBER = 901  # after that of masks
MM, MM2, MM3 = (Code(unit, "UCUM", unit) for unit in ("mm", "mm2", "mm3"))
ONE = Code("1", "UCUM", "no units")
HU = Code("[hnsf'U]", "UCUM", "Hounsfield unit")
VALUE = Code("voxel_value", LOCAL, "Voxel value")

# What an entry of the image library describes, of slices and of radiographs.
LISTED = (
    ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
    ("PatientOrientation", "ImagerPixelSpacing"),
)


@dataclass(frozen=True)
class Coded:
    """How a column of `structures.csv` is told.

    Attributes:
        name: what is measured.
        unit: of the value; None for the image's own unit.
        derivation: how it follows from the voxels' values, or None.
        method: how it was measured, or None.
    """

    name: Code
    unit: Code | None
    derivation: Code | None = None
    method: Code | None = None


def _own(column: str, meaning: str, unit: Code) -> Coded:
    return Coded(Code(column, LOCAL, meaning), unit)


# Codes are those of the standard where the figure is the standard's; else tfmed's own.
MEASUREMENTS = {
    "volume_mm3": Coded(
        Code("118565006", SCT, "Volume"),
        MM3,
        method=Code("126030", "DCM", "Sum of segmented voxel method for volume"),
    ),
    "area_mm2": Coded(Code("42798000", SCT, "Area"), MM2),
    "surface_mm2": _own("smoothed_surface", "Surface area of the smoothed mesh", MM2),
    "perimeter_mm": Coded(Code("131191004", SCT, "Perimeter"), MM),
    "longest_diameter_mm": Coded(Code("103339001", SCT, "Long axis"), MM),
    "perpendicular_diameter_mm": Coded(Code("103340004", SCT, "Short axis"), MM),
    "max_3d_diameter_mm": Coded(Code("L0JK", "IBSI", "Maximum 3D Diameter of a Mesh"), MM),
    "objects": _own("objects", "Number of connected parts", ONE),
    "skeleton_length_mm": _own("centre_line", "Length of the centre line", MM),
    "thickness_mean_mm": _own("mean_thickness", "Mean thickness at the centre line", MM),
    "thickness_maximum_mm": _own("most_thickness", "Greatest thickness", MM),
    "intensity_mean": Coded(VALUE, None, Code("373098007", SCT, "Mean")),
    "intensity_sd": Coded(VALUE, None, Code("386136009", SCT, "Standard Deviation")),
    "intensity_median": Coded(VALUE, None, Code("373099004", SCT, "Median")),
    "intensity_minimum": Coded(VALUE, None, Code("255605001", SCT, "Minimum")),
    "intensity_maximum": Coded(VALUE, None, Code("56851009", SCT, "Maximum")),
}


def write(
    path: Path,
    seg_file: str | Path,
    sources: Sequence[str | Path],
    rows: Sequence[Mapping[str, Any]],
    units: str = "",
) -> None:
    """Write measurements of the segments of a DICOM SEG as a structured report.

    Each segment is one measurement group, which refers to the segment and to the images under it.
    The report is complete, and verified by nobody.

    Args:
        path: ends with `.dcm`.
        seg_file: the SEG.
        sources: the DICOM images that it segments.
        rows: of `structures.csv`: `value` is the number of the segment, `class` its name, the
            rest the columns of `MEASUREMENTS`; what is None is left out, as is a segment
            without any voxel.
        units: of the images' values, `"HU"` or other.

    Raises:
        MissingExtra: highdicom is not installed.
        ReadError: a file cannot be read, or lacks what a report must tell.
        DataError: no segment has anything to report.
    """
    check_extra("DICOM SR")
    images = headers(sources)
    with reading(seg_file, "the DICOM SEG cannot be read"):
        seg = pydicom.dcmread(seg_file)
    found = [row for row in rows if row.get("objects")]
    if not found:
        raise DataError(f"{seg_file}: its segments are empty, there is nothing to report")
    with reading(seg_file, "no DICOM SR can be made of it"):
        made = _report(seg, images, found, units)
    write_aside(path, made.save_as)


def _report(
    seg: pydicom.Dataset,
    images: Sequence[pydicom.Dataset],
    rows: Sequence[Mapping[str, Any]],
    units: str,
) -> Any:
    import highdicom
    from highdicom import sr
    from pydicom.sr.codedict import codes

    from tfmed import __version__

    device = sr.DeviceObserverIdentifyingAttributes(
        uid=pydicom.uid.generate_uid(entropy_srcs=[MANUFACTURER, __version__]),
        name=MANUFACTURER,
        manufacturer_name=MANUFACTURER,
        model_name=MODEL,
        serial_number=__version__,
    )
    observer = sr.ObserverContext(codes.DCM.Device, device)
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=codes.SCT.ImagingProcedure,
        imaging_measurements=[_group(seg, images, row, units) for row in rows],
        title=codes.DCM.ImagingMeasurementReport,
        referenced_images=images if all(map(_is_listable, images)) else None,
    )
    several = int(images[0].get("NumberOfFrames") or 1) > 1
    _mend(report[0], str(seg.SOPInstanceUID), several)
    return sr.Comprehensive3DSR(
        evidence=[seg, *images],
        content=report[0],
        series_instance_uid=highdicom.UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        manufacturer_model_name=MODEL,
        software_versions=__version__,
        series_description=f"{MODEL}: sizes",
    )


def _is_listable(image: pydicom.Dataset) -> bool:
    """Whether an image tells what the report's list of images asks for (TID 1603 and 1604)."""
    return any(all(image.get(name) for name in names) for names in LISTED)


def _mend(item: pydicom.Dataset, seg_uid: str, of_frames: bool) -> None:
    """References as PS3.3 C.18.4 wants them: a frame or a segment, no frame of a single image."""
    for one in item.get("ReferencedSOPSequence") or []:
        if "ReferencedFrameNumber" in one:
            one.pop("ReferencedSegmentNumber", None)
        if not of_frames and str(one.ReferencedSOPInstanceUID) != seg_uid:
            one.pop("ReferencedFrameNumber", None)
    for child in item.get("ContentSequence") or []:
        _mend(child, seg_uid, of_frames)


def _group(
    seg: pydicom.Dataset,
    images: Sequence[pydicom.Dataset],
    row: Mapping[str, Any],
    units: str,
) -> Any:
    """The measurements of one segment."""
    from highdicom import sr

    from tfmed import __version__

    number, name = int(row["value"]), str(row["class"])
    category, kind = structure(name)
    about: dict[str, Any] = {
        "tracking_identifier": sr.TrackingIdentifier(uid=_tracking(seg, number), identifier=name),
        "finding_type": kind,
        "finding_category": category,
        "algorithm_id": sr.AlgorithmIdentification(MANUFACTURER, __version__),
        "measurements": list(_measurements(row, units)),
    }
    if not any(column.startswith("area_") for column in row):
        return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_segment=sr.ReferencedSegment.from_segmentation(seg, number), **about
        )
    frame = _frame(seg, number)
    return sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        referenced_segment=sr.ReferencedSegmentationFrame.from_segmentation(
            seg, frame_number=frame, segment_number=number
        ),
        **about,
    )


def _measurements(row: Mapping[str, Any], units: str) -> Iterator[Any]:
    from highdicom import sr

    image_unit = HU if units == "HU" else ONE
    for column, coded in MEASUREMENTS.items():
        value = row.get(column)
        if value is not None:
            yield sr.Measurement(
                name=coded.name,
                value=value,
                unit=coded.unit or image_unit,
                derivation=coded.derivation,
                method=coded.method,
            )


def _tracking(seg: pydicom.Dataset, number: int) -> str:
    """The UID by which a segment is followed over objects: its own, or one of the segment's."""
    for one in seg.SegmentSequence:
        if int(one.SegmentNumber) == number and one.get("TrackingUID"):
            return str(one.TrackingUID)
    return str(pydicom.uid.generate_uid(entropy_srcs=[str(seg.SOPInstanceUID), str(number)]))


def _frame(seg: pydicom.Dataset, number: int) -> int:
    """The first frame of a segment, from 1."""
    named = [int(one.ReferencedSegmentNumber) for one in groups(seg, "SegmentIdentification")]
    return named.index(number) + 1
