"""Every codec: against pydicom, against references, against another decoder."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from makers_dicom import oracle
from PIL import Image as Pillow

from tfmed.errors import ReadError
from tfmed.io import dicom
from tfmed.io.gdcm_frame import JPEG_12_BIT

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"
SHARED = Path(__file__).parents[3] / "shared" / "data"
# SHA-256 of the stored uint16 values as imagecodecs 2026.3.6 (libjpeg-turbo, 12-bit) has them.
TWELVE_BIT = {
    "CT0012.fragmented_no_bot_jpeg_baseline.51.dcm": "a62ceec7a17af3ce",
    "CTImage.dcm_JPEGProcess10_12TransferSyntax_1.2.840.10008.1.2.4.55.dcm": "85e3b617e00dc755",
    "CTImage.dcm_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm": "85e3b617e00dc755",
    "CTImage.dcm_JPEGProcess6_8TransferSyntax_1.2.840.10008.1.2.4.53.dcm": "85e3b617e00dc755",
    "JPEG-lossy.dcm": "d30242775a414c01",
    "JPGExtended.dcm": "d30242775a414c01",
    "MR1_JPLY": "5da33a3a0886b8c2",
    "MR3_JPLY": "55b63214b68544ea",
    "MR4_JPLY": "05ea6ae7a49cafbc",
    "NM1_JPLY": "d30242775a414c01",
    "XA1_JPLY": "d5f60be5c70a0ee7",
}


def images(root: Path) -> list[Path]:
    if not root.is_dir():
        pytest.skip(f"{root} is not there")
    return sorted(p for p in root.rglob("*") if p.is_file() and p.suffix != ".md")


def compare(root: Path) -> tuple[int, list[str]]:
    """Compare all that is read below `root` with pydicom; give the count and the rejected."""
    read, rejected = 0, []
    for path in images(root):
        try:
            image, header = dicom.load(path)
        except ReadError:
            rejected.append(path.name)
            continue
        read += 1
        if header.bits_stored > 8 and header.transfer_syntax in JPEG_12_BIT:
            continue
        expected = oracle(path)
        if header.inverted:
            expected = dicom.inversion_sum(header) - expected
        if image.pixels.dtype.kind == "f":
            expected = expected.astype(np.float32)
        shape = image.pixels.shape
        assert np.array_equal(image.pixels, expected.reshape(shape)), path.name
    return read, rejected


def test_all_transfer_syntaxes_but_a_structured_report_equal_pydicom() -> None:
    read, rejected = compare(SHARED / "dicom_transfer_syntaxes")
    assert read == 21
    assert rejected == ["no-pixel-data.dcm"]


def test_all_wg04_files_equal_pydicom() -> None:
    assert compare(SHARED / "dicom_wg04") == (58, [])


def test_lossless_wg04_files_equal_their_reference() -> None:
    root = SHARED / "dicom_wg04"
    references = [p for p in images(root / "REF") if p.name.endswith("_UNC")]
    for reference in references:
        expected = dicom.read(reference).pixels
        for kind in ("J2KR", "JLSL", "JPLL", "RLE"):
            path = root / kind / reference.name.replace("UNC", kind)
            if path.is_file():
                assert np.array_equal(dicom.read(path).pixels, expected), path.name


@pytest.mark.parametrize("name", TWELVE_BIT)
def test_a_12_bit_jpeg_equals_another_decoder(name: str) -> None:
    root = BUNDLED if name.startswith(("JPEG", "JPG")) else SHARED
    found = [p for p in images(root) if p.name == name]
    if not found:
        pytest.skip(f"{name} is not there")
    image, header = dicom.load(found[0])
    stored = np.rint((image.pixels.astype(np.float64) - header.intercept) / header.slope)
    digest = hashlib.sha256(stored.astype("<u2").tobytes()).hexdigest()
    assert digest[:16] == TWELVE_BIT[name]


@pytest.mark.parametrize(
    ("name", "alike"),
    [
        ("SC_rgb_jpeg_dcmtk.dcm", True),
        ("SC_rgb_dcmtk_+eb+cy+np.dcm", True),
        ("SC_jpeg_no_color_transform_2.dcm", True),
        # RGB without Adobe's marker, which libjpeg takes for YCbCr.
        ("SC_jpeg_no_color_transform.dcm", False),
        ("examples_ybr_color.dcm", False),
        ("SC_rgb_jpeg_gdcm.dcm", False),
    ],
)
def test_the_header_tells_which_jpeg_libjpeg_reads_alike(name: str, alike: bool) -> None:
    image, header = dicom.load(BUNDLED / name)
    assert (header.jpeg_offset >= 0) == alike
    if alike:
        data = (BUNDLED / name).read_bytes()
        stream = data[header.jpeg_offset : header.jpeg_offset + header.jpeg_length]
        with Pillow.open(io.BytesIO(stream)) as opened:
            assert np.array_equal(np.asarray(opened.convert("RGB")), image.pixels)
