"""What a file is, told from its content and never from its name."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

from tfmed.errors import UnsupportedFormat
from tfmed.io.guard import reading
from tfmed.io.inflate import GZIP_STREAM

HEAD_BYTES = 1024

_PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"\x93NUMPY", "npy"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jpeg2000"),
    (b"\xff\x4f\xff\x51", "jpeg2000"),
    (b"\x1a\x45\xdf\xa3", "video"),
    (b"\0\0\x01\xba", "video"),
    (b"\0\0\x01\xb3", "video"),
)
# What a QuickTime file may begin with where it has no file type box.
_MOVIE_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_TRANSPORT_BYTES = 188
_DIB_HEADER_BYTES = (12, 16, 40, 52, 56, 64, 108, 124)
_STILL_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"avif")
_VALUE_REPRESENTATIONS = frozenset(
    b"AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV "
    b"TM UC UI UL UN UR US UT UV".split()
)


def sniff(path: str | Path) -> str:
    """The format of a file: `"dicom"`, `"png"`, `"jpeg"`, `"tiff"`, `"bmp"`, `"npz"` ...

    Also `"gif"`, `"npy"`, `"nifti"`, `"video"`, `"webp"`, `"heif"` and `"jpeg2000"`. DICOM is
    known with its 128-byte preamble and without (PS3.10 section 7.1; older files start with
    their first element).

    Raises:
        UnsupportedFormat: the content is none of these: empty, text, HTML, an archive ...
        ReadError: the file cannot be opened.
    """
    with reading(path, "the file cannot be read"):
        with Path(path).open("rb") as file:
            head = file.read(HEAD_BYTES)
        kind = _kind(head) or _packed_kind(path, head)
    if kind is None:
        raise UnsupportedFormat(path, _what_else(head))
    return kind


def is_dicom(head: bytes) -> bool:
    """Whether a file that starts with `head` (132 bytes or more) is DICOM."""
    return head[128:132] == b"DICM" or _starts_with_element(head)


def _kind(head: bytes) -> str | None:
    # Before the prefixes: a DICOM preamble may itself be a TIFF header (PS3.10 section 7.1).
    if head[128:132] == b"DICM":
        return "dicom"
    for prefix, kind in _PREFIXES:
        if head.startswith(prefix):
            return kind
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _DIB_HEADER_BYTES:
        return "bmp"
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"WEBP"):
        return "video" if head[8:12] == b"AVI " else "webp"
    if head[4:8] == b"ftyp":
        return "heif" if head[8:12] in _STILL_BRANDS else "video"
    if head[4:8] in _MOVIE_ATOMS or _is_transport(head):
        return "video"
    if _is_nifti(head):
        return "nifti"
    return "dicom" if _starts_with_element(head) else None


def _packed_kind(path: str | Path, head: bytes) -> str | None:
    """Look into a gzip stream or a ZIP archive."""
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(GZIP_STREAM).decompress(head, HEAD_BYTES)
        except zlib.error:
            return None
        return "nifti" if _is_nifti(head) else None
    if head.startswith(b"PK\x03\x04") and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        return "npz" if names and all(name.endswith(".npy") for name in names) else None
    return None


def _is_transport(head: bytes) -> bool:
    """An MPEG transport stream: packets of one length, each begins with one byte."""
    return len(head) == HEAD_BYTES and set(head[::_TRANSPORT_BYTES]) == {0x47}


def _is_nifti(head: bytes) -> bool:
    """NIfTI-1 or -2: the header's length in either byte order, then its magic."""
    sizes = {int.from_bytes(head[:4], order) for order in ("little", "big")}
    one = 348 in sizes and head[344:348] in (b"n+1\0", b"ni1\0")
    return one or (540 in sizes and head[4:8] in (b"n+2\0", b"ni2\0"))


def _starts_with_element(head: bytes) -> bool:
    """Whether a data element of group 0002 or 0008 stands first: DICOM without a preamble."""
    if len(head) < 12:
        return False
    for order in "<>":
        group, element = struct.unpack(f"{order}HH", head[:4])
        if group not in (0x0002, 0x0008) or element > 0x2000:
            continue
        if head[4:6] in _VALUE_REPRESENTATIONS:
            return True
        # Implicit VR (little-endian only): the length, and then the next element's group.
        length = struct.unpack("<I", head[4:8])[0]
        following = head[8 + length : 10 + length]
        if order == "<" and length < HEAD_BYTES and following in (b"\x02\0", b"\x08\0"):
            return True
    return False


def _what_else(head: bytes) -> str:
    """Why a file is not an image, in a few words."""
    if not head:
        return "the file is empty (0 bytes)"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page, not an image (a failed download?)"
    if start.startswith((b"<?xml", b"<svg")):
        return "an XML file, not an image"
    if start.startswith(b"%pdf"):
        return "a PDF document, not an image"
    if head.startswith((b"\x1f\x8b", b"PK\x03\x04")):
        return "an archive that holds no image known here: unpack it first"
    if not set(head) & set(range(9)) and _is_utf8(head):
        return "a text file, not an image"
    return "the content is of no image format known here"


def _is_utf8(head: bytes) -> bool:
    # The last bytes may be a character cut in two.
    return any(_decodes(head[: len(head) - cut]) for cut in range(4))


def _decodes(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
