"""`synthetic:nodules`: chest CT of 80 patients with 6 slices each.

Half of the patients have a nodule in a lung; a slice that shows it is `nodule`, every other
`normal`. Two made-up scanners, which have nothing to do with the label, store their slices in
different ways.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset as Dicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from tfmed import log
from tfmed.data.sources import phantom

PATIENTS = 80
LABELS = "labels.csv"
COLUMNS = ("path", "label", "nodule_x_mm", "nodule_y_mm", "nodule_z_mm", "section_radius_mm")


@dataclass(frozen=True)
class Scanner:
    """How a made-up scanner stores its images; `window` is a display window in HU."""

    name: str
    slope: float
    intercept: float
    dtype: str
    bits: int
    photometric: str
    window: tuple[float, float]
    noise: float


SCANNERS = (
    Scanner("Phantom One", 1.0, -1024.0, "<u2", 12, "MONOCHROME2", (-1350.0, 150.0), 25.0),
    Scanner("Phantom Two", 0.5, -200.0, "<i2", 16, "MONOCHROME1", (-160.0, 240.0), 35.0),
)


def write(folder: Path, seed: int) -> None:
    """Write the patients of `synthetic:nodules` as DICOM, a folder each, and `labels.csv`."""
    rows: list[tuple[object, ...]] = []
    patients = range(PATIENTS)
    with log.progress(patients, what="drawing phantoms", unit="patients") as bar:
        for number in bar:
            generator = np.random.default_rng([seed, number])
            # Every second patient has a nodule; scanners change at half that pace.
            chest = phantom.draw(generator, with_nodule=number % 2 == 1)
            scanner = SCANNERS[number // 2 % len(SCANNERS)]
            name = f"patient_{number:03d}"
            for index, z in enumerate(chest.z_mm):
                path = folder / name / f"slice_{index}.dcm"
                noise = generator.normal(0, scanner.noise, chest.slices[index].shape)
                about = _about(name, seed, index, z)
                _write(path, chest.slices[index] + noise, scanner, about)
                rows.append(_row(f"{name}/{path.name}", chest.nodule, z))
    with (folder / LABELS).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


def _row(path: str, nodule: phantom.Nodule | None, z: float) -> tuple[object, ...]:
    section = nodule.section_mm(z) if nodule else 0.0
    if nodule is None or section == 0:
        return path, "normal", "", "", "", 0
    return path, "nodule", *(round(part, 2) for part in nodule.centre_mm), round(section, 2)


def _about(name: str, seed: int, index: int, z: float) -> Dicom:
    """Who and where: identifiers and geometry of a slice."""
    data = Dicom()
    data.PatientID = name.upper()
    data.PatientName = f"Phantom^{name}"
    data.StudyInstanceUID = _uid(seed, name)
    data.SeriesInstanceUID = _uid(seed, name, "series")
    data.FrameOfReferenceUID = _uid(seed, name, "frame")
    data.SOPInstanceUID = _uid(seed, name, index)
    data.InstanceNumber = index + 1
    corner = -(phantom.PIXELS - 1) / 2 * phantom.SPACING_MM
    data.ImagePositionPatient = [corner, corner, z]
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data.PixelSpacing = [phantom.SPACING_MM, phantom.SPACING_MM]
    data.SliceThickness = phantom.SLICE_STEP_MM
    return data


def _write(path: Path, hounsfield: np.ndarray, scanner: Scanner, data: Dicom) -> None:
    """Store a slice as the scanner would: PS3.3 A.3, the CT Image IOD."""
    limits = np.iinfo(scanner.dtype)
    high = min(limits.max, 2**scanner.bits - 1)
    stored = np.round((hounsfield - scanner.intercept) / scanner.slope)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.Modality = "CT"
    data.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    data.Manufacturer = scanner.name
    data.Rows, data.Columns = hounsfield.shape
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = scanner.photometric
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, scanner.bits, scanner.bits - 1
    data.PixelRepresentation = int(limits.min < 0)
    data.RescaleSlope, data.RescaleIntercept = scanner.slope, scanner.intercept
    data.RescaleType = "HU"
    low, top = scanner.window
    data.WindowCenter, data.WindowWidth = (low + top) / 2, top - low
    data.PixelData = np.clip(stored, limits.min, high).astype(scanner.dtype).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)


def _uid(*parts: object) -> str:
    return str(generate_uid(entropy_srcs=["tfmed synthetic", *map(str, parts)]))
