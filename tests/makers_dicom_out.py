"""Series complete enough to be written about, and the validator of what was written."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import makers
import makers_dicom
import numpy as np
import pydicom
import pytest

SHAPE = (6, 12, 16)
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
DIGITAL_X_RAY = "1.2.840.10008.5.1.4.1.1.1.1"


def labels() -> np.ndarray:
    """A liver on slices 1 to 4, in it a lesion on slice 2 and 3; nothing of a third class."""
    drawn = np.zeros(SHAPE, np.uint8)
    drawn[1:5, 2:9, 3:12] = 1
    drawn[2:4, 4:6, 5:8] = 2
    return drawn


def ct(folder: Path, plane: str = "axial", space: str = "") -> list[Path]:
    """A CT series of noise, in order along its normal; `space` is its frame of reference."""
    told = {"SliceThickness": 2.5, "RescaleType": "HU"}
    told |= {"FrameOfReferenceUID": space} if space else {}
    about = makers.Slice(series=makers.uid(folder.name), spacing_mm=(0.75, 0.5), extra=told)
    return makers_dicom.slices(folder, makers.noise(SHAPE, 4, 0, 900, "int16"), plane, about=about)


def mr(path: Path) -> Path:
    """An enhanced MR file whose frames tell their places."""
    makers_dicom.enhanced(path, makers.noise(SHAPE, 5, 0, 900, "int16"))
    data = pydicom.dcmread(path)
    data.Modality, data.SOPClassUID = "MR", ENHANCED_MR
    data.file_meta.MediaStorageSOPClassUID = ENHANCED_MR
    data.save_as(path)
    return path


def radiograph(path: Path) -> Path:
    """A radiograph, which has no place in space."""
    extra = {
        "ImagePositionPatient": None,
        "ImageOrientationPatient": None,
        "SOPClassUID": DIGITAL_X_RAY,
        "PatientOrientation": ["L", "F"],
    }
    about = makers.Slice(modality="DX", spacing_mm=(0.2, 0.1), extra=extra)
    return makers.dicom(path, makers.noise(SHAPE[1:], 6, 0, 900, "uint16"), about)


def errors(path: Path) -> list[str]:
    """What `dciodvfy` calls an error in a file; without it the test skips."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("needs dciodvfy, of the Debian package dicom3tools")
    done = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    return [line for line in said if line.startswith("Error")]


def pixels(path: Path) -> np.ndarray:
    """The stored values of a file."""
    return pydicom.dcmread(path).pixel_array
