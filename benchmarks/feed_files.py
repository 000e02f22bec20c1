"""CT slices for `benchmarks/feed.py`: drawn, and written again in four compressions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

SIDE = 512
SYNTAXES = {
    "uncompressed": "1.2.840.10008.1.2.1",
    "rle": "1.2.840.10008.1.2.5",
    "jpeg-ls": "1.2.840.10008.1.2.4.80",
    "jpeg-lossless": "1.2.840.10008.1.2.4.70",
    "jpeg-2000": "1.2.840.10008.1.2.4.90",
}


def draw(folder: Path, slices: int) -> None:
    """Write the slices, uncompressed: a smooth body, noise of a real scan's strength, air."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, generate_uid
    from scipy import ndimage

    random = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE / 2) - 1
    body = x**2 / 0.7 + y**2 / 0.45 < 1
    tissue = ndimage.gaussian_filter(random.normal(size=(SIDE, SIDE)), 12)
    noise = ndimage.gaussian_filter(random.normal(size=(SIDE + 64, SIDE + 64)), 0.8)
    tissue, noise = tissue / tissue.std(), noise / noise.std()
    folder.mkdir()
    for number in range(slices):
        top, left = random.integers(0, 64, 2)
        grain = noise[top : top + SIDE, left : left + SIDE]
        inside = 40 + 30 * np.roll(tissue, 3 * number, 1) + 20 * grain
        hounsfield = np.where(body, inside, -1000 + 10 * grain)
        file = Dataset()
        file.file_meta = FileMetaDataset()
        file.file_meta.TransferSyntaxUID = SYNTAXES["uncompressed"]
        file.SOPClassUID, file.SOPInstanceUID = CTImageStorage, generate_uid()
        file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID
        file.file_meta.MediaStorageSOPClassUID = CTImageStorage
        file.PatientID, file.Modality, file.InstanceNumber = "1", "CT", number
        file.Rows = file.Columns = SIDE
        file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
        file.BitsAllocated = file.BitsStored = 16
        file.HighBit, file.PixelRepresentation = 15, 0
        file.RescaleSlope, file.RescaleIntercept, file.RescaleType = 1, -1024, "HU"
        file.PixelSpacing = [0.7, 0.7]
        file.ImagePositionPatient, file.ImageOrientationPatient = [0, 0, number], [1, 0, 0, 0, 1, 0]
        file.PixelData = np.clip(np.rint(hounsfield) + 1024, 0, 4095).astype("<u2").tobytes()
        file["PixelData"].VR = "OW"
        file.save_as(folder / f"{number:06}.dcm", enforce_file_format=True)


def compress(source: Path, kind: str) -> None:
    """Write one uncompressed slice again, compressed, into a folder named by the kind."""
    target = source.parent.parent / kind / source.name
    target.parent.mkdir(exist_ok=True)
    if kind != "jpeg-lossless":
        import pydicom

        file = pydicom.dcmread(source)
        file.compress(SYNTAXES[kind], generate_instance_uid=False)
        file.save_as(target)
        return
    import gdcm

    reader, change, writer = (
        gdcm.ImageReader(),
        gdcm.ImageChangeTransferSyntax(),
        gdcm.ImageWriter(),
    )
    reader.SetFileName(str(source))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
