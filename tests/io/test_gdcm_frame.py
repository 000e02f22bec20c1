from __future__ import annotations

from pathlib import Path

import gdcm
import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames

from tests import makers
from tfmed.io import dicom_codecs, read

LOSSLESS_JPEG = "1.2.840.10008.1.2.4.70"


def compressed(path: Path) -> Path:
    """The file again, as lossless JPEG."""
    reader, change, writer = (
        gdcm.ImageReader(),
        gdcm.ImageChangeTransferSyntax(),
        gdcm.ImageWriter(),
    )
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    target = path.with_suffix(".lossless.dcm")
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return target


@pytest.mark.parametrize(
    ("dtype", "bits"),
    [("uint8", 8), ("uint16", 12), ("uint16", 16), ("int16", 12), ("int16", 16)],
)
def test_lossless_jpeg_is_what_pydicom_decodes(tmp_path: Path, dtype: str, bits: int) -> None:
    low, high = (-2000, 2000) if dtype == "int16" else (0, 2 ** min(bits, 12))
    pixels = makers.noise((10, 12), 1, low, high, dtype)
    path = compressed(makers.dicom(tmp_path / "a.dcm", pixels, makers.Slice(bits=bits)))
    found = read(path).pixels[..., 0]
    np.testing.assert_array_equal(found, pixels)
    np.testing.assert_array_equal(found, pydicom.dcmread(path).pixel_array)


def test_a_cut_frame_is_refused(tmp_path: Path) -> None:
    pixels = makers.noise((32, 48), 1, 0, 4096, "uint16")
    path = compressed(makers.dicom(tmp_path / "a.dcm", pixels, makers.Slice(bits=16)))
    frame = next(generate_frames(pydicom.dcmread(path).PixelData, number_of_frames=1))
    settings = {
        "rows": 32, "columns": 48, "samples_per_pixel": 1,
        "photometric_interpretation": "MONOCHROME2",
        "bits_allocated": 16, "bits_stored": 16, "pixel_representation": 0,
    }  # fmt: skip
    np.testing.assert_array_equal(dicom_codecs.by_gdcm(frame, LOSSLESS_JPEG, settings), pixels)
    with pytest.raises(ValueError, match="GDCM"):
        dicom_codecs.by_gdcm(frame[:40], LOSSLESS_JPEG, settings)
