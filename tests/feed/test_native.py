"""The graph's decoders against `tfmed.io.read`, number for number."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pytest
import tensorflow as tf

from tfmed import data, feed, io
from tfmed.data.audit import audit
from tfmed.errors import ReadError
from tfmed.feed import native
from tfmed.feed.routes import route_of
from tfmed.transforms import Preprocessing, resample

PREPROCESSING = Preprocessing(size=(9, 20), channels=1)


def dataset_of(paths: list[Path], classes: tuple[str, ...] = ("a",)) -> data.Dataset:
    from tfmed.data.dataset import index

    columns = {"id": [str(number) for number in range(len(paths))], "path": list(map(str, paths))}
    return audit(data.Dataset(index(columns), classes, "test"), workers=0)


def check_equal(dataset: data.Dataset, preprocessing: Preprocessing = PREPROCESSING) -> None:
    images = list(feed.read(dataset, preprocessing, workers=0))
    assert len(images) == len(dataset)
    for image, path in zip(images, dataset.table["path"], strict=True):
        pixels = io.read(path).pixels
        np.testing.assert_array_equal(image, resample(tf.constant(pixels)[None], preprocessing)[0])


def route(dataset: data.Dataset) -> tuple[str, ...]:
    return route_of(dataset.table.to_dict("records")[0])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("line", [(1.0, 0.0), (1.0, -1024.0), (0.3371, -7.77), (-2.0, 5.0)])
def test_plain_dicom(
    tmp_path: Path, dtype: str, photometric: str, line: tuple[float, float]
) -> None:
    high = 256 if dtype == "uint8" else 4096
    pixels = makers.noise((12, 17), 1, 0 if dtype[0] == "u" else -2000, high, dtype)
    about = makers.Slice(
        modality="DX",
        bits=8 if dtype == "uint8" else 13,
        photometric=photometric,
        slope=line[0],
        intercept=line[1],
    )
    dataset = dataset_of([makers.dicom(tmp_path / "one.dcm", pixels, about)])
    assert route(dataset)[:2] == ("dicom", dtype)
    check_equal(dataset)


def test_high_bits_that_hold_an_overlay_are_dropped(tmp_path: Path) -> None:
    pixels = makers.noise((12, 16), 2, 0, 4096, "uint16") | np.uint16(0x8000)
    dataset = dataset_of([makers.dicom(tmp_path / "a.dcm", pixels, makers.Slice(bits=12))])
    assert route(dataset)[0] == "dicom"
    check_equal(dataset)


def test_eight_bits_in_sixteen(tmp_path: Path) -> None:
    pixels = makers.noise((12, 16), 3, 0, 256, "uint16")
    dataset = dataset_of([makers.dicom(tmp_path / "a.dcm", pixels, makers.Slice(bits=8))])
    assert route(dataset)[:2] == ("dicom", "uint16")
    check_equal(dataset)


def test_compressed_dicom_and_frames_take_the_general_route(tmp_path: Path) -> None:
    pixels = makers.noise((16, 16), 4, 0, 4096, "uint16")
    rle = makers.dicom(tmp_path / "a.dcm", pixels, makers.Slice(syntax="1.2.840.10008.1.2.5"))
    dataset = dataset_of([rle])
    assert route(dataset) == ("general",)
    check_equal(dataset)
    frames = makers.dicom(tmp_path / "b.dcm", makers.noise((3, 8, 9), 5, 0, 4096, "uint16"))
    assert route(dataset_of([frames])) == ("general",)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(31, 24), (31, 24, 3)])
@pytest.mark.parametrize("ending", ["png", "jpg", "bmp"])
def test_rasters(tmp_path: Path, ending: str, shape: tuple[int, ...], channels: int) -> None:
    dataset = dataset_of([makers.raster(tmp_path / f"a.{ending}", makers.noise(shape, 6))])
    native = {"png": "png", "jpg": "jpeg", "bmp": "general"}
    assert route(dataset)[0] == native[ending]
    check_equal(dataset, Preprocessing(size=(9, 40), channels=channels))


def test_sixteen_bits_stay_sixteen_bits(tmp_path: Path) -> None:
    pixels = makers.noise((31, 24), 7, 0, 65536, "uint16")
    dataset = dataset_of([makers.raster(tmp_path / "a.png", pixels)])
    assert route(dataset) == ("png", "uint16", "1")
    check_equal(dataset)
    (image,) = feed.read(dataset, Preprocessing(size=(31, 24), channels=1))
    np.testing.assert_array_equal(image[..., 0], pixels)


def test_progressive_jpeg_of_odd_size(tmp_path: Path) -> None:
    ramp = np.add.outer(np.arange(33), 3 * np.arange(47)).astype("uint8")
    colour = np.stack([ramp, ramp[::-1], 255 - ramp], axis=-1)
    paths = [
        makers.raster(
            tmp_path / f"{quality}.jpg", colour, quality=quality, progressive=quality > 80
        )
        for quality in (30, 75, 95)
    ]
    check_equal(dataset_of(paths), Preprocessing(size=(33, 47), channels=3))


def test_mixed_routes_come_back_in_order(tmp_path: Path) -> None:
    paths = []
    for number in range(4):
        pixels = makers.noise((12, 14), number)
        paths.append(makers.raster(tmp_path / f"{number}.png", pixels))
        paths.append(makers.raster(tmp_path / f"{number}.tif", pixels + np.uint8(1)))
        paths.append(makers.dicom(tmp_path / f"{number}.dcm", pixels.astype("uint16")))
        paths.append(makers.raster(tmp_path / f"{number}.jpg", pixels))
    dataset = dataset_of(paths)
    assert len({route_of(row)[0] for row in dataset.table.to_dict("records")}) == 4
    check_equal(dataset)


def test_a_file_that_is_gone_or_cut_short_is_named(tmp_path: Path) -> None:
    for ending in ("png", "dcm"):
        paths = [tmp_path / f"{number} ä.{ending}" for number in range(5)]
        for number, path in enumerate(paths):
            pixels = makers.noise((40, 40), number, 0, 4096, "uint16")
            write = makers.raster if ending == "png" else makers.dicom
            write(path, pixels)
        dataset = dataset_of(paths)
        stream = feed.read(dataset, PREPROCESSING, workers=0)
        whole = paths[3].read_bytes()
        paths[3].write_bytes(whole[:900])
        with pytest.raises(ReadError, match="3 ä"):
            list(stream)


def test_a_file_on_which_the_graph_fails_is_read_by_its_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = []
    for number in range(6):
        shape = (12, 13 if number == 2 else 14)
        paths.append(makers.raster(tmp_path / f"{number}.png", makers.noise(shape, number)))
    dataset = dataset_of(paths)

    def picky(row: dict[str, tf.Tensor], dtype: str, channels: str) -> tf.Tensor:
        return tf.ensure_shape(native._png(row, dtype, channels), [12, 14, 1])

    monkeypatch.setitem(native.DECODERS, "png", picky)
    check_equal(dataset)


def test_equal_pixels_by_the_files_own_series(tmp_path: Path) -> None:
    volume = makers.noise((4, 10, 12), 9, 0, 4096, "uint16")
    files = [str(path) for path in makers.series(tmp_path / "s", volume)]
    from tfmed.data.dataset import index

    columns = {"id": ["s"], "path": files[:1], "files": [files]}
    dataset = data.Dataset(index(columns), ("a",), "test")
    (image,) = feed.read(dataset, Preprocessing(size=(4, 10, 12), channels=1))
    np.testing.assert_array_equal(image[..., 0], volume)
