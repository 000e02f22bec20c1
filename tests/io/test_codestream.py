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

from tfmed.io import codestream

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
