"""One way to read a file, whatever its format; a format is a row of `READERS`."""

from __future__ import annotations

from pathlib import Path

from tfmed.errors import UnsupportedFormat
from tfmed.image import Image
from tfmed.io.formats import sniff
from tfmed.tables import lookup

READERS: dict[str, str] = {
    "dicom": "tfmed.io.dicom:read",
    "png": "tfmed.io.raster:read",
    "jpeg": "tfmed.io.raster:read",
    "bmp": "tfmed.io.raster:read",
    "tiff": "tfmed.io.tiff:read",
    "nifti": "tfmed.io.nifti:read",
    "npy": "tfmed.io.npy:read",
    "gif": "tfmed.io.gif:read",
    "video": "tfmed.io.video:read",
}
# Formats that are known and not read, and what to do about them.
UNREAD: dict[str, str] = {
    "webp": "a WebP image; save it as PNG",
    "heif": "a HEIF or AVIF image; save it as PNG",
    "jpeg2000": "a JPEG 2000 image outside DICOM; save it as PNG or TIFF",
    "npz": "an archive of arrays, which is a data set and no image",
}
# Formats whose first axis may be time: their readers take `sample`.
CLIPS = ("dicom", "nifti", "gif", "video")


def read(path: str | Path, *, frame: int = -1, sample: int = 0) -> Image:
    """Read a file by its content.

    Args:
        path: the file; its name's ending means nothing.
        frame: index of a frame of several, or -1 for all.
        sample: how many evenly spaced frames of a clip to return (`tfmed.io.frames`), 0 for
            all; of what is no clip it is ignored.

    Returns:
        Pixels `[H, W, C]`, or `[D, H, W, C]` for several frames, in modality units; of a clip
        of volumes `[T, D, H, W, C]`.

    Raises:
        UnsupportedFormat: no reader knows the content.
        ReadError: anything else is wrong with it; the reason holds no patient data.
    """
    kind = sniff(path)
    if kind not in READERS:
        raise UnsupportedFormat(path, UNREAD[kind])
    reader = lookup(READERS, kind, "format")
    return reader(path, frame=frame, sample=sample) if kind in CLIPS else reader(path, frame=frame)
