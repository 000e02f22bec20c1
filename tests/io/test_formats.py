"""The content, not the name, says what a file is; what is no image is told why."""

from __future__ import annotations

import gzip
from pathlib import Path

import makers
import numpy as np
import pydicom
import pytest

from tfmed.errors import ReadError, UnsupportedFormat
from tfmed.io import sniff

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"


def nifti(magic: bytes = b"n+1\0") -> bytes:
    return (348).to_bytes(4, "little") + b"\0" * 340 + magic + b"\0" * 8


@pytest.mark.parametrize(
    ("ending", "kind"), [("png", "png"), ("jpg", "jpeg"), ("bmp", "bmp"), ("tif", "tiff")]
)
def test_a_raster_is_known_under_any_name(tmp_path: Path, ending: str, kind: str) -> None:
    path = makers.raster(tmp_path / f"a.{ending}", makers.noise((4, 5)))
    assert sniff(path) == kind
    assert sniff(path.rename(tmp_path / "Ünï code.dcm")) == kind


@pytest.mark.parametrize(
    "syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"]
)
def test_dicom_is_known_with_its_preamble_and_without(tmp_path: Path, syntax: str) -> None:
    path = makers.dicom(tmp_path / "a", makers.noise((4, 4)), makers.Slice(syntax=syntax))
    assert sniff(path) == "dicom"
    data = path.read_bytes()
    path.write_bytes(data[132:])
    assert sniff(path) == "dicom"


@pytest.mark.parametrize(
    "name", ["ExplVR_LitEndNoMeta.dcm", "ExplVR_BigEndNoMeta.dcm", "rtstruct.dcm"]
)
def test_pydicoms_files_without_meta_information_are_dicom(name: str) -> None:
    assert sniff(BUNDLED / name) == "dicom"


def test_a_tiff_in_a_dicom_preamble_is_dicom(tmp_path: Path) -> None:
    path = makers.dicom(tmp_path / "a", makers.noise((4, 4)))
    path.write_bytes(b"II*\0" + path.read_bytes()[4:])
    assert sniff(path) == "dicom"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"GIF89a" + b"\0" * 20, "gif"),
        (b"\x93NUMPY\1\0", "npy"),
        (nifti(), "nifti"),
        (gzip.compress(nifti()), "nifti"),
        (b"\0\0\0\x18ftypmp42" + b"\0" * 12, "video"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video"),
        (b"\x1a\x45\xdf\xa3" + b"\0" * 12, "video"),
        (b"\0\0\x01\xba" + b"\0" * 12, "video"),
        ((b"\x47" + b"\0" * 187) * 6, "video"),
        (b"RIFF\0\0\0\0AVI LIST", "video"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
    ],
)
def test_formats_are_known_by_how_they_begin(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "a").write_bytes(content)
    assert sniff(tmp_path / "a") == kind


def test_an_npz_is_a_zip_of_arrays_only(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.zeros(3))
    assert sniff(tmp_path / "a.npz") == "npz"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"hello, world\n" * 200, "text file"),
        ("grüße, " * 400, "text file"),
        (b"  <!DOCTYPE html><html>", "HTML"),
        (b"<?xml version='1.0'?>", "XML"),
        (b"%PDF-1.7\n", "PDF"),
        (gzip.compress(b"nothing"), "archive"),
        (bytes(range(255, 100, -1)), "no image format"),
        (b"BM", "text file"),
        (b"\0" * 2000, "no image format"),
    ],
)
def test_what_is_no_image_is_told_why(tmp_path: Path, content: bytes | str, reason: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UnsupportedFormat, match=reason):
        sniff(path)


def test_a_folder_and_a_missing_file_are_read_errors(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="a folder"):
        sniff(tmp_path)
    with pytest.raises(ReadError, match="no such file"):
        sniff(tmp_path / "gone")
