"""What a NIfTI file says of itself: layout, scaling, and where its voxels lie in the patient.

nibabel parses the fields; it is imported where it is used, because it takes its time.

Source: NIfTI-1 (nifti1.h, R. Cox, 2004) and NIfTI-2 (2011).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfmed.errors import ReadError
from tfmed.io.guard import MAX_SIDE, reading
from tfmed.io.inflate import GZIP_STREAM

GZIP = b"\x1f\x8b"
LARGEST_HEADER = 1024
MAX_AXES = 4
SINGULAR = 1e-6
# By the header's length and its magic: nibabel's class. The magic's place is the length's.
_KINDS = {
    (348, b"n+1\0"): "Nifti1Header",
    (348, b"ni1\0"): "Nifti1PairHeader",
    (540, b"n+2\0"): "Nifti2Header",
    (540, b"ni2\0"): "Nifti2PairHeader",
}
_MAGIC_PLACES = {348: 344, 540: 4}
# nifti1.h: data type codes, and the low and middle bits of xyzt_units.
_NUMBERS = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"} | {
    1024: "i8",
    1280: "u8",
}
_COLOURS = {128: 3, 2304: 4}
_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
_SECONDS_PER_UNIT = {8: 1.0, 16: 1e-3, 24: 1e-6}
# What `tf.io.decode_raw` takes.
_NATIVE_KINDS = ("u1", "i1", "u2", "i2", "i4", "f4", "f8")


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """How to get from a NIfTI file's bytes to pixels `[slice, row, column]` in RAS+.

    The voxels are stored as `[time, k, j, i]`, i fastest. `transpose(stored, order)` of
    `[k, j, i]` and then a flip of the axes `flips` gives `[slice, row, column]`, of which the
    first slice is the lowest, the first row the most posterior, the first column the leftmost.
    An image of one slice (of whichever plane) has that slice's axis first.

    Attributes:
        shape: stored voxels `(i, j, k, time)`; absent axes are 1.
        dtype: of one stored value, with its byte order; colours are uint8.
        samples: values a voxel: 1, or 3 (RGB) or 4 (RGBA).
        big_endian: the byte order.
        data_path: the file that holds the voxels: the `.img` of a pair, else the file itself.
        offset: the first voxel's place in the inflated bytes.
        slope: values are `stored * slope + intercept`; 1 where the file says none.
        intercept: see `slope`.
        order: axes of `[k, j, i]` that become slice, row and column.
        flips: axes of `[slice, row, column]` that are turned round after that.
        spacing_mm: `(slice, row, column)`, or None where the file does not tell it.
        affine: float64 `[4, 4]` from `(slice, row, column, 1)` to mm in RAS+, or None where the
            file gives neither sform nor qform.
        frame_rate_hz: volumes a second, or None.
        native: whether `decode_raw` at `offset` reads it: one uncompressed file, no time axis,
            one value a voxel of at most 32 bits or a double.
    """

    shape: tuple[int, int, int, int]
    dtype: np.dtype[Any]
    samples: int
    big_endian: bool
    data_path: Path
    offset: int
    slope: float
    intercept: float
    order: tuple[int, int, int]
    flips: tuple[int, ...]
    spacing_mm: tuple[float, float, float] | None
    affine: np.ndarray | None
    frame_rate_hz: float | None
    native: bool

    @property
    def size(self) -> tuple[int, int, int]:
        """Slices, rows and columns as read."""
        stored = self.shape[2::-1]
        slices, rows, columns = (stored[axis] for axis in self.order)
        return slices, rows, columns

    @property
    def times(self) -> int:
        """Volumes along the time axis."""
        return self.shape[3]

    @property
    def volume_bytes(self) -> int:
        """Stored bytes of one volume."""
        return int(np.prod(self.shape[:3], dtype=object)) * self.samples * self.dtype.itemsize


def read_header(path: str | Path) -> NiftiHeader:
    """Read the header of a NIfTI file, or of the `.hdr` of a pair; no voxel is read.

    Raises:
        ReadError: it is damaged, of more than four axes, of a data type that is no number or
            colour, or its sform or qform is singular or not finite; a pair's `.img` is missing.
    """
    path = Path(path)
    with reading(path, "the NIfTI header cannot be parsed"):
        with path.open("rb") as file:
            head = file.read(2 * LARGEST_HEADER)
        compressed = head.startswith(GZIP)
        if compressed:
            head = zlib.decompressobj(GZIP_STREAM).decompress(head, LARGEST_HEADER)
        return _describe(path, _parse(path, head), compressed)


def _parse(path: Path, head: bytes) -> Any:
    """The header object of nibabel of the first bytes of a file."""
    from nibabel import nifti1, nifti2

    for order in "<>":
        (length,) = struct.unpack(f"{order}i", head[:4])
        place = _MAGIC_PLACES.get(length, 0)
        name = _KINDS.get((length, head[place : place + 4]))
        if name is None:
            continue
        if len(head) < length:
            raise ReadError(path, "its header is cut short")
        kind = getattr(nifti1 if "1" in name else nifti2, name)
        return kind(head[:length], endianness=order, check=False)
    raise ReadError(path, "it has no NIfTI header")


def _describe(path: Path, header: Any, compressed: bool) -> NiftiHeader:
    shape = _shape(path, header)
    dtype, samples = _values(path, header)
    slope, intercept = _scaling(path, header)
    affine = _affine(path, header, shape[:3])
    placed = _base(header) if affine is None else affine
    order, flips, spacing, oriented = _to_slices(placed, shape)
    zooms = np.asarray(header["pixdim"][1:4], dtype=np.float64)
    told = (np.isfinite(zooms) & (zooms > 0)) | (np.array(shape[:3]) == 1)
    single = bool(header.is_single)
    kept = f"{dtype.kind}{dtype.itemsize}" in _NATIVE_KINDS and samples == 1 and shape[3] == 1
    return NiftiHeader(
        shape=shape,
        dtype=dtype,
        samples=samples,
        big_endian=header.endianness == ">",
        data_path=path if single else _image_of(path),
        offset=_offset(path, header),
        slope=slope,
        intercept=intercept,
        order=order,
        flips=flips,
        spacing_mm=spacing if affine is not None or told.all() else None,
        affine=None if affine is None else oriented,
        frame_rate_hz=_rate(header) if shape[3] > 1 else None,
        native=single and not compressed and kept,
    )


def _shape(path: Path, header: Any) -> tuple[int, int, int, int]:
    axes = int(header["dim"][0])
    sizes = [int(size) for size in header["dim"][1 : axes + 1]] if 1 <= axes <= 7 else []
    while len(sizes) > MAX_AXES and sizes[-1] == 1:
        sizes.pop()
    if not 2 <= len(sizes) <= MAX_AXES or min(sizes) < 1 or max(sizes[:3]) > MAX_SIDE:
        raise ReadError(
            path,
            f"axes of {sizes or axes} voxels; two to four, of 1 to {MAX_SIDE} each, can be read",
        )
    i, j, k, times = (*sizes, 1, 1)[:MAX_AXES]
    return i, j, k, times


def _values(path: Path, header: Any) -> tuple[np.dtype[Any], int]:
    code = int(header["datatype"])
    if code in _COLOURS:
        return np.dtype(np.uint8), _COLOURS[code]
    name = _NUMBERS.get(code)
    if name is None:
        raise ReadError(path, f"its data type (code {code}) is no integer, real number or colour")
    if int(header["bitpix"]) != 8 * np.dtype(name).itemsize:
        raise ReadError(path, "its bits a voxel are not those of its data type")
    return np.dtype(name).newbyteorder(header.endianness), 1


def _scaling(path: Path, header: Any) -> tuple[float, float]:
    """Slope and intercept; a slope of 0 is none (nifti1.h), and so is NaN (SPM and nibabel)."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or np.isnan(slope) or int(header["datatype"]) in _COLOURS:
        return 1.0, 0.0
    if not np.isfinite([slope, intercept]).all():
        raise ReadError(path, "its slope or intercept is not finite")
    return slope, intercept


def _offset(path: Path, header: Any) -> int:
    offset = int(header["vox_offset"])
    least = header.single_vox_offset if header.is_single else 0
    if offset == 0:
        return int(least)
    if offset < least:
        raise ReadError(path, f"its voxels start at byte {offset}, within the header")
    return offset


def _affine(path: Path, header: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """The sform, else the qform, in mm; None where both codes are 0."""
    if int(header["sform_code"]) > 0:
        affine, name = header.get_sform(), "sform"
    elif int(header["qform_code"]) > 0:
        if header["pixdim"][0] == 0:
            header["pixdim"][0] = 1  # nifti1.h: 0 means 1.
        affine, name = header.get_qform(), "qform"
    else:
        return None
    affine = np.array(affine, dtype=np.float64)
    affine[:3] *= _millimetres(header)
    for axis in range(3):
        # A plane's own axis may have no length; any will do to orient it.
        if shape[axis] == 1 and not affine[:3, axis].any():
            normal = np.cross(affine[:3, (axis + 1) % 3], affine[:3, (axis + 2) % 3])
            affine[:3, axis] = normal / (np.linalg.norm(normal) or 1.0)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    finite = np.isfinite(affine).all() and lengths.all()
    if not finite or abs(np.linalg.det(affine[:3, :3] / lengths)) < SINGULAR:
        raise ReadError(path, f"its {name}, which places the voxels, is singular or not finite")
    return affine


def _base(header: Any) -> np.ndarray:
    """The rule of nibabel for a file with neither sform nor qform: the first axis points left."""
    zooms = np.asarray(header["pixdim"][1:4], dtype=np.float64) * _millimetres(header)
    zooms[~(np.isfinite(zooms) & (zooms > 0))] = 1.0
    return np.diag([-zooms[0], zooms[1], zooms[2], 1.0])


def _to_slices(
    affine: np.ndarray, shape: tuple[int, ...]
) -> tuple[tuple[int, int, int], tuple[int, ...], tuple[float, float, float], np.ndarray]:
    """Order, flips, spacing and affine of `[slice, row, column]`; see `NiftiHeader`."""
    from nibabel.orientations import inv_ornt_aff, io_orientation

    turns = io_orientation(affine)
    oriented = affine @ inv_ornt_aff(turns, shape[:3])
    stored_of = {int(turns[axis, 0]): axis for axis in range(3)}
    # RAS+ axes 0, 1, 2 are column, row, slice; an image of one slice has that one first.
    axes = [2, 1, 0]
    flat = [axis for axis in axes if shape[stored_of[axis]] == 1]
    if len(flat) == 1:
        axes = [flat[0], *(axis for axis in axes if axis != flat[0])]
    order = [2 - stored_of[axis] for axis in axes]
    flips = tuple(place for place, axis in enumerate(axes) if turns[stored_of[axis], 1] < 0)
    slices, rows, columns = (float(np.linalg.norm(oriented[:3, axis])) for axis in axes)
    return (order[0], order[1], order[2]), flips, (slices, rows, columns), oriented[:, [*axes, 3]]


def _millimetres(header: Any) -> float:
    return _MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)


def _rate(header: Any) -> float | None:
    seconds = float(header["pixdim"][4])
    seconds *= _SECONDS_PER_UNIT.get(int(header["xyzt_units"]) & 56, 0.0)
    return 1 / seconds if np.isfinite(seconds) and seconds > 0 else None


def _image_of(path: Path) -> Path:
    """The `.img` beside a `.hdr`; either may be gzipped.

    Raises:
        ReadError: there is none.
    """
    name = path.name.removesuffix(".gz")
    stem, ending = name[:-4], name[-4:]
    image = ".IMG" if ending.isupper() else ".img"
    for candidate in (f"{stem}{image}", f"{stem}{image}.gz"):
        if path.with_name(candidate).is_file():
            return path.with_name(candidate)
    raise ReadError(path, "its voxels are missing: a .img file beside it was expected")
