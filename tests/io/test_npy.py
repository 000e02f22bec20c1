"""NPY files: the rule of the axes, types, damage."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pytest

from tfmed.errors import ReadError
from tfmed.io import read


def save(folder: Path, values: np.ndarray) -> Path:
    np.save(folder / "a.npy", values)
    return folder / "a.npy"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((6, 7), (6, 7, 1)),
        ((6, 7, 1), (6, 7, 1)),
        ((6, 7, 3), (6, 7, 3)),
        ((6, 7, 4), (6, 7, 3)),
        ((3, 6, 7), (3, 6, 7, 1)),
        ((6, 7, 5), (6, 7, 5, 1)),
        ((1, 6, 7), (6, 7, 1)),
        ((5, 6, 7, 1), (5, 6, 7, 1)),
        ((5, 6, 7, 3), (5, 6, 7, 3)),
    ],
)
@pytest.mark.parametrize("fortran", [False, True])
def test_a_last_axis_of_at_most_four_is_channels(
    tmp_path: Path, shape: tuple[int, ...], expected: tuple[int, ...], fortran: bool
) -> None:
    values = makers.noise(shape)
    image = read(save(tmp_path, np.asfortranarray(values) if fortran else values))
    assert image.pixels.shape == expected
    kept = values[..., :3] if shape[-1] == 4 else values
    assert np.array_equal(image.pixels.ravel(), kept.ravel())
    assert not image.clip


@pytest.mark.parametrize("shape", [(), (5,), (6, 7, 2), (5, 6, 7, 8), (2, 3, 4, 5, 1), (0, 4)])
def test_other_axes_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ReadError, match=r"shape|channels|pixels"):
        read(save(tmp_path, makers.noise(shape)))


def test_four_channels_that_are_no_rgba_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="4 channels of float32; 1 or 3 can be read"):
        read(save(tmp_path, np.zeros((6, 7, 4), np.float32)))


@pytest.mark.parametrize(
    ("stored", "kept"),
    [
        ("uint8", "uint8"),
        (">i2", "int16"),
        ("uint32", "uint32"),
        ("int64", "int32"),
        ("float16", "float32"),
        (">f4", "float32"),
        ("float64", "float32"),
    ],
)
def test_types_are_kept_or_made_to_fit_32_bits(tmp_path: Path, stored: str, kept: str) -> None:
    values = makers.noise((6, 7), high=100).astype(stored)
    image = read(save(tmp_path, values))
    assert image.pixels.dtype == np.dtype(kept)
    assert image.pixels.dtype.isnative
    assert np.array_equal(image.pixels[..., 0], values)


def test_booleans_become_0_and_255(tmp_path: Path) -> None:
    assert read(save(tmp_path, np.array([[True, False]]))).pixels.ravel().tolist() == [255, 0]


def test_one_slice_can_be_asked_for(tmp_path: Path) -> None:
    values = makers.noise((5, 6, 7))
    image = read(save(tmp_path, values), frame=3)
    assert np.array_equal(image.pixels[..., 0], values[3])
    assert image.frames == 5
    with pytest.raises(ReadError, match="frame 5 was asked for, it has 5"):
        read(tmp_path / "a.npy", frame=5)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    with pytest.raises(ReadError, match="none of integers, reals and booleans"):
        read(tmp_path / "a.npy")


@pytest.mark.parametrize("dtype", ["complex64", "U3", "datetime64[s]"])
def test_what_is_no_number_is_refused(tmp_path: Path, dtype: str) -> None:
    with pytest.raises(ReadError, match="none of integers, reals and booleans"):
        read(save(tmp_path, np.zeros((4, 5), dtype)))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(ReadError, match="not finite"):
        read(save(tmp_path, np.array([[1.0, value]])))


@pytest.mark.parametrize("shape", [(2**40, 2**40), (-4, -5), (30000, 2), (16000, 16000, 16000)])
def test_a_header_that_promises_what_is_not_there_is_refused(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    path = tmp_path / "a.npy"
    with path.open("wb") as file:
        about = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, about)
        file.write(bytes(100))
    with pytest.raises(ReadError, match=r"bytes of values, its header says|sides"):
        read(path)


def test_a_file_cut_anywhere_or_longer_than_it_says_is_a_read_error(tmp_path: Path) -> None:
    path = save(tmp_path, makers.noise((20, 20)))
    data = path.read_bytes()
    for tenth in range(10):
        path.write_bytes(data[: len(data) * tenth // 10])
        with pytest.raises(ReadError):
            read(path)
    path.write_bytes(data + b"\0")
    with pytest.raises(ReadError, match="401 bytes of values, its header says 400"):
        read(path)
