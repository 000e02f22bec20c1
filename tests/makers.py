"""Small makers of image files and data sets, used by every test suite.

Each writes one real file with the library that owns its format (pydicom, Pillow, tifffile,
NumPy), so that tests never read what tfmed itself has written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image as PillowImage
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid


@dataclass(frozen=True)
class Slice:
    """What a DICOM file of `dicom` says beside its pixels.

    A `uid` of "" is left out of the file where DICOM allows it, else made from the other
    values, so that the same call writes the same file. `extra` sets any other attribute by
    its keyword; a value of None deletes it.
    """

    patient: str = "P1"
    study: str = ""
    series: str = ""
    modality: str = "CT"
    bits: int = 16
    photometric: str = "MONOCHROME2"
    slope: float | None = 1.0
    intercept: float | None = 0.0
    window: tuple[float, float] | None = None
    spacing_mm: tuple[float, float] | None = (0.5, 0.5)
    position_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    number: int = 1
    syntax: str = str(ExplicitVRLittleEndian)
    extra: Mapping[str, Any] = field(default_factory=dict)


def noise(
    shape: Sequence[int], seed: int = 0, low: int = 0, high: int = 256, dtype: str = "uint8"
) -> np.ndarray:
    """Random integers in `[low, high)`: an image that equals no other."""
    return np.random.default_rng(seed).integers(low, high, size=tuple(shape)).astype(dtype)


def uid(*parts: object) -> str:
    """A valid UID that depends on `parts` alone."""
    return str(generate_uid(entropy_srcs=["tfmed", *map(str, parts)]))


def dicom(path: Path, pixels: np.ndarray, about: Slice | None = None) -> Path:
    """Write `pixels` as DICOM: `[H, W]`, `[frames, H, W]` or `[H, W, 3]`, 8 or 16 bit.

    The dtype gives the sign and the allocated bits; `about.syntax` may be any transfer
    syntax for which an encoder is installed (RLE, JPEG-LS, JPEG 2000, deflated, big endian).
    """
    about = about or Slice()
    data = _header(path, about)
    colour = pixels.ndim == 3 and pixels.shape[-1] == 3
    data.SamplesPerPixel = 3 if colour else 1
    data.PhotometricInterpretation = "RGB" if colour else about.photometric
    if colour:
        data.PlanarConfiguration = 0
    elif pixels.ndim == 3:
        data.NumberOfFrames = pixels.shape[0]
    data.Rows, data.Columns = pixels.shape[:2] if colour else pixels.shape[-2:]
    data.BitsAllocated = pixels.dtype.itemsize * 8
    data.BitsStored = min(about.bits, data.BitsAllocated)
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    _write_pixels(data, pixels, about.syntax)
    for keyword, value in about.extra.items():
        if value is None:
            delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


def _header(path: Path, about: Slice) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = about.syntax
    data.SOPClassUID = CTImageStorage
    data.SOPInstanceUID = uid(path, about.patient, about.number)
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.PatientID = about.patient
    data.PatientName = "Doe^Test"
    data.StudyInstanceUID = about.study or uid(about.patient, "study")
    data.SeriesInstanceUID = about.series or uid(about.patient, "series")
    data.Modality = about.modality
    data.InstanceNumber = about.number
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data.ImagePositionPatient = list(about.position_mm)
    if about.spacing_mm is not None:
        data.PixelSpacing = list(about.spacing_mm)
    if about.slope is not None:
        data.RescaleSlope = about.slope
    if about.intercept is not None:
        data.RescaleIntercept = about.intercept
    if about.window is not None:
        low, high = about.window
        data.WindowCenter, data.WindowWidth = (low + high) / 2, high - low
    return data


def _write_pixels(data: Dataset, pixels: np.ndarray, syntax: str) -> None:
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    raw = np.ascontiguousarray(pixels).tobytes()
    data.PixelData = raw + b"\0" * (len(raw) % 2)
    data["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    if syntax == "1.2.840.10008.1.2.2":
        swapped = np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder(">")).tobytes()
        data.PixelData = swapped + b"\0" * (len(swapped) % 2)
    if syntax in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"):
        data.file_meta.TransferSyntaxUID = syntax
    elif syntax != str(ExplicitVRLittleEndian):
        data.compress(syntax, generate_instance_uid=False)


def series(folder: Path, volume: np.ndarray, about: Slice | None = None) -> list[Path]:
    """Write `[D, H, W]` as one file a slice, 2 mm apart; file names tell nothing of the order."""
    about = about or Slice()
    paths = []
    for index, pixels in enumerate(volume):
        place = {**about.__dict__, "position_mm": (0.0, 0.0, 2.0 * index), "number": index + 1}
        name = f"{(index * 7) % 10}-{index}.dcm"
        paths.append(dicom(folder / name, pixels, Slice(**place)))
    return paths


def raster(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    """Write PNG, JPEG or BMP through Pillow, TIFF through tifffile, by the path's ending.

    `[H, W]` or `[H, W, C]`; uint8, and uint16 for grey PNG and for TIFF.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".tif", ".tiff"):
        tifffile.imwrite(path, pixels, **options)
    else:
        PillowImage.fromarray(pixels).save(path, **options)
    return path


def npz(path: Path, counts: Mapping[str, int], shape: Sequence[int], **options: Any) -> Path:
    """Write a MedMNIST-like archive.

    Args:
        path: the file.
        counts: examples of each part, `{"train": 20, "val": 5, "test": 5}`.
        shape: of one image.
        **options: `classes` (2), `columns` of labels (1; more is multi-label), `seed` (0).
    """
    generator = np.random.default_rng(options.get("seed", 0))
    classes, columns = options.get("classes", 2), options.get("columns", 1)
    arrays = {}
    for part, count in counts.items():
        arrays[f"{part}_images"] = generator.integers(0, 256, (count, *shape)).astype(np.uint8)
        labels = np.arange(count * columns).reshape(count, columns) % classes
        arrays[f"{part}_labels"] = labels.astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return path


def class_folders(
    folder: Path,
    classes: Sequence[str] = ("normal", "pneumonia"),
    count: int = 6,
    parts: Sequence[str] = ("",),
    size: tuple[int, int] = (16, 12),
) -> Path:
    """Write `count` grey PNG images for each part and class; class means differ by 60."""
    seed = 0
    for part in parts:
        for order, name in enumerate(classes):
            for index in range(count):
                seed += 1
                pixels = noise(size, seed, 60 * order, 60 * order + 120)
                raster(folder / part / name / f"{index}.png", pixels)
    return folder
