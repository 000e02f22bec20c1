"""What a compressed frame asks for is known before a decoder allocates it."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import makers
import numpy as np
import pydicom
import pytest
from PIL import Image as Pillow
from pydicom.encaps import generate_frames

from tfmed.io import codestream, read

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"


def encoded(pixels: np.ndarray, kind: str) -> bytes:
    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
def test_the_size_of_a_stream_is_told(kind: str) -> None:
    assert codestream.size(encoded(makers.noise((40, 50)), kind)) == (40, 50, 1)
    assert codestream.size(encoded(makers.noise((40, 50, 3)), kind)) == (40, 50, 3)


def test_the_size_of_a_jpeg_ls_stream_is_told() -> None:
    dataset = pydicom.dcmread(BUNDLED / "JPEGLSNearLossless_16.dcm")
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    assert codestream.size(frame) == (50, 10, 1)


def test_a_stream_of_another_kind_passes() -> None:
    codestream.check(b"\0" * 64, 4, 4, 1)


def test_a_stream_that_asks_for_more_than_the_header_is_refused() -> None:
    stream = encoded(makers.noise((40, 50)), "JPEG2000")
    start = stream.index(b"\xff\x4f\xff\x51")
    damaged = stream[: start + 12] + struct.pack(">I", 3342816) + stream[start + 16 :]
    with pytest.raises(ValueError, match="not of the size"):
        codestream.check(damaged, 40, 50, 1)


def test_a_box_without_length_is_refused() -> None:
    """pydicom 3.0.2 walks in place on it for ever."""
    stream = encoded(makers.noise((40, 50)), "JPEG2000")
    with pytest.raises(ValueError, match="damaged box"):
        codestream.size(stream[:12] + b"\0\0\0\0" + stream[16:])


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80"])
@pytest.mark.parametrize(
    ("dtype", "bits"),
    [("uint8", 8), ("uint16", 12), ("uint16", 16), ("int16", 12), ("int16", 16)],
)
def test_grey_by_the_codec_alone_is_what_pydicom_decodes(
    tmp_path: Path, dtype: str, bits: int, syntax: str
) -> None:
    low, high = (-2000, 2000) if dtype == "int16" else (0, 2 ** min(bits, 12))
    # GDCM, which encodes here, dies on frames of an odd number of bytes.
    pixels = makers.noise((10, 12), 1, low, high, dtype)
    path = makers.dicom(tmp_path / "a.dcm", pixels, makers.Slice(syntax=syntax, bits=bits))
    np.testing.assert_array_equal(read(path).pixels[..., 0], pydicom.dcmread(path).pixel_array)
    np.testing.assert_array_equal(read(path).pixels[..., 0], pixels)


def test_a_run_length_coded_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    pixels = makers.noise((8, 6), 1, 0, 4096, "uint16")
    path = makers.dicom(tmp_path / "a.dcm", pixels, makers.Slice(syntax="1.2.840.10008.1.2.5"))
    frame = next(generate_frames(pydicom.dcmread(path).PixelData, number_of_frames=1))
    high, low = codestream.run_lengths(frame, 48, 1, 16)
    assert high == (pixels >> 8).astype(np.uint8).tobytes()
    assert low == (pixels & 255).astype(np.uint8).tobytes()
    for expected, samples, bits in ((47, 1, 16), (49, 1, 16), (48, 3, 16), (48, 1, 8)):
        with pytest.raises(ValueError, match=r"that the header says|or fewer pixels"):
            codestream.run_lengths(frame, expected, samples, bits)
