"""One way to read a file, whatever its format; a format is a row of `READERS`."""

from __future__ import annotations

from pathlib import Path

from tfmed.config import lookup
from tfmed.errors import UnsupportedFormat
from tfmed.image import Image
from tfmed.io.formats import sniff

READERS: dict[str, str] = {
    "dicom": "tfmed.io.dicom:read",
    "png": "tfmed.io.raster:read",
    "jpeg": "tfmed.io.raster:read",
    "bmp": "tfmed.io.raster:read",
    "tiff": "tfmed.io.tiff:read",
}


def read(path: str | Path, *, frame: int = -1) -> Image:
    """Read a file by its content.

    Args:
        path: the file; its name's ending means nothing.
        frame: index of a frame of several, or -1 for all.

    Returns:
        Pixels `[H, W, C]`, or `[D, H, W, C]` for all of several frames, in modality units.

    Raises:
        UnsupportedFormat: no reader knows the content.
        ReadError: anything else is wrong with it; the reason holds no patient data.
    """
    kind = sniff(path)
    if kind not in READERS:
        raise UnsupportedFormat(
            path, f"{kind} files are not read yet; these are: {', '.join(READERS)}"
        )
    return lookup(READERS, kind, "format")(path, frame=frame)
