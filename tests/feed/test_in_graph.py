"""The graph's decoders against `tfmed.io.read`, number for number."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pytest
import tensorflow as tf

from tfmed import data, feed, io
from tfmed.data.auditing import audit
from tfmed.errors import ReadError
from tfmed.feed import in_graph
from tfmed.feed.routes import routes
from tfmed.io import worker
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


def route(dataset: data.Dataset) -> str:
    (found,) = routes(dataset.table)
    return " ".join([found.kind, *found.words])


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
    assert route(dataset).startswith(f"raw {dtype} 1 image")
    check_equal(dataset)


def test_high_bits_that_hold_an_overlay_are_dropped(tmp_path: Path) -> None:
    pixels = makers.noise((12, 16), 2, 0, 4096, "uint16") | np.uint16(0x8000)
    dataset = dataset_of([makers.dicom(tmp_path / "a.dcm", pixels, makers.Slice(bits=12))])
    assert route(dataset) == "raw uint16 1 image masked kept upright"
    check_equal(dataset)


def test_eight_bits_in_sixteen(tmp_path: Path) -> None:
    pixels = makers.noise((12, 16), 3, 0, 256, "uint16")
    dataset = dataset_of([makers.dicom(tmp_path / "a.dcm", pixels, makers.Slice(bits=8))])
    assert route(dataset).startswith("raw uint16")
    check_equal(dataset)


@pytest.mark.parametrize(
    "syntax", ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"]
)
def test_compressed_and_big_endian_dicom_take_the_general_route(
    tmp_path: Path, syntax: str
) -> None:
    pixels = makers.noise((16, 16), 4, 0, 4096, "uint16")
    dataset = dataset_of([makers.dicom(tmp_path / "a.dcm", pixels, makers.Slice(syntax=syntax))])
    assert route(dataset) == "general"
    check_equal(dataset)


def test_implicit_little_endian(tmp_path: Path) -> None:
    pixels = makers.noise((16, 16), 4, 0, 4096, "uint16")
    about = makers.Slice(syntax="1.2.840.10008.1.2")
    dataset = dataset_of([makers.dicom(tmp_path / "a.dcm", pixels, about)])
    assert route(dataset).startswith("raw uint16")
    check_equal(dataset)


def test_colour_dicom(tmp_path: Path) -> None:
    dataset = dataset_of([makers.dicom(tmp_path / "a.dcm", makers.noise((9, 14, 3), 8))])
    assert route(dataset) == "raw uint8 3 image whole kept upright"
    check_equal(dataset)
    check_equal(dataset, Preprocessing(size=(20, 7), channels=3))


def test_multi_frame_files_are_volumes_and_their_frames_take_the_general_route(
    tmp_path: Path,
) -> None:
    volume = makers.noise((3, 8, 9), 5, 0, 4096, "uint16")
    path = makers.dicom(tmp_path / "b.dcm", volume, makers.Slice(slope=2.0, intercept=-7.0))
    dataset = dataset_of([path])
    assert route(dataset).startswith("raw uint16 1 volume")
    check_equal(dataset, Preprocessing(size=(2, 5, 6), channels=1))
    from tfmed.data.dataset import index

    columns = {"id": ["0", "1", "2"], "path": [str(path)] * 3, "frame": [0, 1, 2]}
    frames = audit(data.Dataset(index(columns), ("a",), "test"), workers=0)
    assert route(frames) == "general"
    for image, slice_ in zip(feed.read(frames, Preprocessing((8, 9), 1)), volume, strict=True):
        np.testing.assert_array_equal(image[..., 0], 2.0 * slice_ - 7)


@pytest.mark.parametrize("shape", [(31, 24), (31, 24, 3)])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_jpeg_inside_dicom(tmp_path: Path, shape: tuple[int, ...], photometric: str) -> None:
    smooth = np.add.outer(4 * np.arange(31), 3 * np.arange(24)).astype("uint8")
    pixels = np.stack([smooth, smooth[::-1], 255 - smooth], -1) if len(shape) == 3 else smooth
    path = jpeg_dicom(tmp_path / "a.dcm", pixels, photometric)
    dataset = dataset_of([path])
    assert route(dataset).startswith(f"jpeg-part uint8 {pixels.ndim // 3 * 2 + 1}")
    check_equal(dataset)


def jpeg_dicom(path: Path, pixels: np.ndarray, photometric: str) -> Path:
    """A DICOM file with one JPEG Baseline stream, as Pillow writes it."""
    import io as streams

    import pydicom
    from PIL import Image
    from pydicom.encaps import encapsulate

    makers.dicom(path, pixels, makers.Slice(modality="DX", bits=8, photometric=photometric))
    found = pydicom.dcmread(path)
    stream = streams.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=90)
    found.PixelData = encapsulate([stream.getvalue()])
    found["PixelData"].VR = "OB"
    found.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    if pixels.ndim == 3:
        found.PhotometricInterpretation = "YBR_FULL_422"
    found.save_as(path)
    return path


@pytest.mark.parametrize(
    ("dtype", "line"),
    [
        ("uint8", (1.0, 0.0)),
        ("int16", (2.0, -1024.0)),
        (">i2", (1.0, 0.0)),
        (">i2", (0.3371, -7.77)),
        ("int32", (1.0, 0.0)),
        ("float32", (0.3371, -7.77)),
        (">f8", (2.0, 0.5)),
    ],
)
def test_nifti(tmp_path: Path, dtype: str, line: tuple[float, float]) -> None:
    paths = []
    for turn in ("RAS", "LPS", "IAR", "PSL"):
        pixels = makers.noise((5, 6, 7), len(paths), 0, 200).astype(dtype)
        paths.append(nifti(tmp_path / f"{turn}.nii", pixels, turn, line))
    dataset = dataset_of(paths)
    assert {found.kind for found in routes(dataset.table)} == {"nifti"}
    check_equal(dataset, Preprocessing(size=(3, 9, 4), channels=1))


@pytest.mark.parametrize("shape", [(5, 6, 1), (5, 1, 7), (1, 6, 7), (5, 6)])
def test_nifti_of_one_slice_is_an_image(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = makers.noise(shape, 1, 0, 200, "int16")
    dataset = dataset_of([nifti(tmp_path / "a.nii", pixels, "LPS", (1.0, 0.0))])
    assert route(dataset).startswith("nifti")
    check_equal(dataset)


def test_packed_nifti_takes_the_general_route(tmp_path: Path) -> None:
    pixels = makers.noise((5, 6, 7), 1, 0, 200, "int16")
    dataset = dataset_of([nifti(tmp_path / "a.nii.gz", pixels, "LPS", (1.0, 0.0))])
    assert route(dataset) == "general"
    check_equal(dataset, Preprocessing(size=(3, 9, 4), channels=1))


def nifti(path: Path, pixels: np.ndarray, turn: str, line: tuple[float, float]) -> Path:
    """A NIfTI file whose axes point to `turn`; nibabel writes it."""
    import nibabel

    wanted = nibabel.orientations.axcodes2ornt(turn)
    affine = nibabel.orientations.inv_ornt_aff(wanted, (5, 6, 7)) @ np.diag([0.7, 1.1, 2.5, 1.0])
    header = nibabel.Nifti1Header(endianness=pixels.dtype.str[0].replace("|", "<"))
    header.set_data_dtype(pixels.dtype)
    image = nibabel.Nifti1Image(pixels, affine, header)
    image.header.set_slope_inter(*line)
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(31, 24), (31, 24, 3)])
@pytest.mark.parametrize("ending", ["png", "jpg", "bmp"])
def test_rasters(tmp_path: Path, ending: str, shape: tuple[int, ...], channels: int) -> None:
    dataset = dataset_of([makers.raster(tmp_path / f"a.{ending}", makers.noise(shape, 6))])
    native = {"png": "png", "jpg": "jpeg", "bmp": "general"}
    assert route(dataset).split()[0] == native[ending]
    check_equal(dataset, Preprocessing(size=(9, 40), channels=channels))


def test_sixteen_bits_stay_sixteen_bits(tmp_path: Path) -> None:
    pixels = makers.noise((31, 24), 7, 0, 65536, "uint16")
    dataset = dataset_of([makers.raster(tmp_path / "a.png", pixels)])
    assert route(dataset) == "png uint16 1"
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
    assert {found.kind for found in routes(dataset.table)} == {"png", "jpeg", "raw", "general"}
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
        return tf.ensure_shape(in_graph._png(row, dtype, channels), [12, 14, 1])

    asked = []

    def pixels(call: worker.Call) -> np.ndarray:
        asked.append(call.files)
        return io.read(call.files[0]).pixels

    monkeypatch.setitem(in_graph.DECODERS, "png", picky)
    monkeypatch.setattr(worker, "pixels", pixels)
    check_equal(dataset)
    assert asked == [(str(paths[2]),)]


def test_equal_pixels_by_the_files_own_series(tmp_path: Path) -> None:
    volume = makers.noise((4, 10, 12), 9, 0, 4096, "uint16")
    files = [str(path) for path in makers.series(tmp_path / "s", volume)]
    from tfmed.data.dataset import index

    columns = {"id": ["s"], "path": files[:1], "files": [files]}
    dataset = data.Dataset(index(columns), ("a",), "test")
    (image,) = feed.read(dataset, Preprocessing(size=(4, 10, 12), channels=1))
    np.testing.assert_array_equal(image[..., 0], volume)
