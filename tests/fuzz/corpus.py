"""The whole files that are damaged: pydicom's own test files, and small ones made here."""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import nibabel
import numpy as np
import pydicom
import tifffile
from PIL import Image as Pillow

LARGEST_BYTES = 330_000
# Folders of pydicom's files that hold many of one kind; one of each is enough.
MANY_ALIKE = ("TINY_ALPHA", "MR700", "MR2", "CT5N", "CT2N")
FORMATS = ("dicom", "png", "jpeg", "tiff", "bmp", "gif", "nifti", "nifti.gz", "npy", "npz", "video")
_DICOM_PIXELS = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")


@dataclass(frozen=True)
class Source:
    """A whole file.

    Attributes:
        format: one of `FORMATS`.
        name: of the file, unique in its format.
        data: its bytes.
        pixels: where its pixel data begins; what lies before it is header.
    """

    format: str
    name: str
    data: bytes
    pixels: int


@cache
def sources(format_name: str) -> tuple[Source, ...]:
    """All whole files of a format."""
    return tuple(MAKERS[format_name]())


def _dicom() -> Iterator[Source]:
    root = Path(pydicom.__file__).parent / "data" / "test_files"
    kept: set[str] = set()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        name = path.relative_to(root).as_posix()
        alike = next((folder for folder in MANY_ALIKE if folder in name), name)
        data = path.read_bytes()
        if alike in kept or len(data) > LARGEST_BYTES:
            continue
        if data[128:132] == b"DICM" or path.suffix == ".dcm":
            kept.add(alike)
            starts = [data.rfind(tag) for tag in _DICOM_PIXELS]
            yield Source("dicom", name, data, max(starts) if max(starts) > 0 else len(data))


def _noise(*shape: int, high: int = 256, kind: str = "uint8") -> np.ndarray:
    return np.random.default_rng(7).integers(0, high, shape).astype(kind)


def _smooth(*shape: int) -> np.ndarray:
    """Shades as compressed images hold them: a gradient with a little noise."""
    ramp = sum(
        np.linspace(0, 100, size).reshape(-1, *[1] * (len(shape) - axis - 1))
        for axis, size in enumerate(shape)
    )
    return (ramp % 200 + _noise(*shape, high=20)).astype(np.uint8)


def _saved(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def _png() -> Iterator[Source]:
    made = {
        "grey": _saved(_smooth(40, 32), "PNG"),
        "rgb": _saved(_smooth(24, 30, 3), "PNG"),
        "grey 16 bit": _saved(_noise(30, 20, high=65536, kind="uint16"), "PNG"),
        "rgba": _saved(_smooth(20, 20, 4), "PNG"),
    }
    palette = io.BytesIO()
    Pillow.fromarray(_smooth(30, 30)).convert("P").save(palette, "PNG")
    made["palette"] = palette.getvalue()
    for name, data in made.items():
        yield Source("png", name, data, data.index(b"IDAT"))


def _jpeg() -> Iterator[Source]:
    options = {
        "grey": (_smooth(48, 40), {}),
        "rgb": (_smooth(40, 48, 3), {}),
        "progressive": (_smooth(64, 64, 3), {"progressive": True}),
        "restarts": (_smooth(64, 48), {"restart_marker_rows": 1}),
    }
    for name, (pixels, more) in options.items():
        data = _saved(pixels, "JPEG", **more)
        yield Source("jpeg", name, data, data.index(b"\xff\xda"))


def _tiff() -> Iterator[Source]:
    kinds = {
        "grey": (_smooth(40, 32), {}),
        "grey 16 bit": (_noise(32, 32, high=65536, kind="uint16"), {}),
        "rgb planar": (_smooth(3, 20, 24), {"photometric": "rgb", "planarconfig": "separate"}),
        "float": (_smooth(24, 24).astype(np.float32), {}),
        "deflate": (_smooth(40, 40), {"compression": "zlib", "rowsperstrip": 8}),
        "pages": (_smooth(3, 24, 24), {"photometric": "minisblack"}),
        "tiles": (_smooth(64, 64), {"tile": (16, 16)}),
    }
    for name, (pixels, options) in kinds.items():
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, pixels, metadata=None, **options)
        buffer.seek(0)
        with tifffile.TiffFile(buffer) as file:
            start = min(file.pages[0].dataoffsets)
        yield Source("tiff", name, buffer.getvalue(), start)
    packed = _saved(_smooth(40, 40), "TIFF", compression="tiff_lzw")
    yield Source("tiff", "lzw", packed, 8)


def _bmp() -> Iterator[Source]:
    for name, pixels in (("grey", _smooth(24, 30)), ("rgb", _smooth(20, 21, 3))):
        data = _saved(pixels, "BMP")
        yield Source("bmp", name, data, struct.unpack("<I", data[10:14])[0])


def _gif() -> Iterator[Source]:
    frames = [Pillow.fromarray(frame) for frame in _smooth(4, 24, 20)]
    for name, more in (("still", []), ("clip", frames[1:])):
        buffer = io.BytesIO()
        frames[0].save(buffer, "GIF", save_all=bool(more), append_images=more, duration=40)
        data = buffer.getvalue()
        yield Source("gif", name, data, data.index(b"\x2c"))


def _nifti() -> Iterator[Source]:
    affine = np.diag([2.0, 1.5, 3.0, 1.0])
    volumes = {
        "uint8": _smooth(12, 14, 10),
        "int16": _noise(10, 12, 14, high=2000, kind="int16"),
        "float": _smooth(8, 9, 10).astype(np.float32),
        "clip": _noise(12, 10, 1, 5, kind="int16"),
    }
    for name, values in volumes.items():
        yield Source("nifti", name, nibabel.Nifti1Image(values, affine).to_bytes(), 352)
    scaled = nibabel.Nifti1Image(_noise(10, 12, 14, kind="int16"), affine)
    scaled.header.set_slope_inter(0.5, -10)
    yield Source("nifti", "scaled", scaled.to_bytes(), 352)
    big = nibabel.Nifti1Image(volumes["int16"], affine, nibabel.Nifti1Header(endianness=">"))
    yield Source("nifti", "big-endian", big.to_bytes(), 352)


def _packed_nifti() -> Iterator[Source]:
    for source in sources("nifti"):
        yield Source("nifti.gz", source.name, gzip.compress(source.data, mtime=0), 10)


def _npy() -> Iterator[Source]:
    for pixels in (
        _smooth(20, 24),
        _noise(16, 16, high=4000, kind="int16"),
        _smooth(20, 20, 3),
        _smooth(16, 18).astype(np.float32),
    ):
        buffer = io.BytesIO()
        np.save(buffer, pixels)
        yield Source("npy", f"{pixels.dtype} {pixels.shape}", buffer.getvalue(), 128)


def _npz() -> Iterator[Source]:
    for name, save in (("stored", np.savez), ("packed", np.savez_compressed)):
        buffer = io.BytesIO()
        save(buffer, train_images=_smooth(4, 14, 12), train_labels=_noise(4, 1, high=2))
        yield Source("npz", name, buffer.getvalue(), 160)


def _video() -> Iterator[Source]:
    kinds = (
        ("mp4", "mpeg4"),
        ("mp4", "libx264"),
        ("mov", "mjpeg"),
        ("avi", "mpeg4"),
        ("mpeg", "mpeg1video"),
    )
    for container, codec in kinds:
        buffer = io.BytesIO()
        with av.open(buffer, "w", format=container) as file:
            # One thread, so that the same bytes are made each time.
            stream = file.add_stream(codec, rate=25, options={"threads": "1"})
            stream.width, stream.height = 64, 48
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for picture in np.repeat(_smooth(8, 48, 64)[..., np.newaxis], 3, -1):
                file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            file.mux(stream.encode(None))
        data = buffer.getvalue()
        start = max(data.find(b"mdat"), data.find(b"movi"), data.find(b"\0\0\1\xb3"))
        yield Source("video", f"{container} {codec}", data, start)


MAKERS = {
    "dicom": _dicom,
    "png": _png,
    "jpeg": _jpeg,
    "tiff": _tiff,
    "bmp": _bmp,
    "gif": _gif,
    "nifti": _nifti,
    "nifti.gz": _packed_nifti,
    "npy": _npy,
    "npz": _npz,
    "video": _video,
}
