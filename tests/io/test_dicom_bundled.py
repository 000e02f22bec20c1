"""Every file that pydicom brings: read as pydicom reads it, or refused for a reason given here."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pydicom
import pytest
from makers_dicom import oracle

from tfmed.errors import ReadError
from tfmed.io import dicom

ROOT = Path(pydicom.__file__).parent / "data" / "test_files"
FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file())
NO_IMAGE, NO_DICOM = "it holds no image", "not a DICOM file"
# Path or pattern: why it is refused. What is not here is read, and equals pydicom.
REFUSED = {
    "ExplVR_BigEndNoMeta.dcm": NO_IMAGE,
    "ExplVR_LitEndNoMeta.dcm": NO_IMAGE,
    # Its SIZ marker asks for 3,722,445,056 columns.
    "JPEG2000-embedded-sequence-delimiter.dcm": "JPEG 2000 Image Compression",
    "MR_truncated.dcm": "pixel data is cut short: 8130 of 8192 bytes",
    "*README*": NO_DICOM,
    "UN_sequence.dcm": NO_IMAGE,
    # Its number of frames is "1A".
    "badVR.dcm": "the DICOM header cannot be parsed",
    "crayons.icc": NO_DICOM,
    "dicomdirtests/*DICOMDIR*": NO_IMAGE,
    "dicomdirtests/TINY_ALPHA/PT000000/*": NO_IMAGE,
    "empty_charset_LEI.dcm": NO_IMAGE,
    "meta_missing_tsyntax.dcm": "its header does not say Rows",
    "nested_priv_SQ.dcm": "its header does not say Rows",
    # It has neither a preamble nor an element of group 2 or 8 at its start.
    "no_meta.dcm": NO_DICOM,
    "no_meta_group_length.dcm": NO_IMAGE,
    "priv_SQ.dcm": NO_IMAGE,
    "reportsi*.dcm": NO_IMAGE,
    "rtplan.dcm": NO_IMAGE,
    "rtplan_truncated.dcm": "damaged DICOM",
    "rtstruct.dcm": NO_IMAGE,
    "*.dump": NO_DICOM,
    "test-SR.dcm": NO_IMAGE,
    "*.json": NO_DICOM,
    "waveform_ecg.dcm": NO_IMAGE,
    "zipMR.gz": NO_DICOM,
}
# JPEG of 12 bits, which pydicom's plugins refuse; `test_dicom` has another decoder's values.
BEYOND_PYDICOM = ("JPEG-lossy.dcm", "JPGExtended.dcm")
READ = 90


def refusal(name: str) -> str:
    """The reason in the table, or ""."""
    return next((reason for row, reason in REFUSED.items() if fnmatch(name, row)), "")


@pytest.mark.parametrize("name", [name for name in FILES if refusal(name)])
def test_what_is_no_sound_image_is_refused_for_its_reason(name: str) -> None:
    with pytest.raises(ReadError) as caught:
        dicom.read(ROOT / name)
    assert refusal(name) in caught.value.reason


@pytest.mark.parametrize("name", [name for name in FILES if not refusal(name)])
def test_every_other_file_equals_pydicom(name: str) -> None:
    image, header = dicom.load(ROOT / name)
    if name in BEYOND_PYDICOM:
        with pytest.raises(Exception, match="Unable to decode"):
            oracle(ROOT / name)
        return
    expected = oracle(ROOT / name)
    if header.inverted:
        expected = dicom.inversion_sum(header) - expected
    if image.pixels.dtype.kind == "f":
        expected = expected.astype(np.float32)
    np.testing.assert_array_equal(image.pixels, expected.reshape(image.pixels.shape))


def test_the_table_speaks_of_files_that_are_there() -> None:
    for row in REFUSED:
        assert any(fnmatch(name, row) for name in FILES), row
    assert sum(not refusal(name) for name in FILES) >= READ
