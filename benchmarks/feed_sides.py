"""What `benchmarks/feed.py` compares: each side reads a folder of slices, an epoch at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from feed_files import SIDE
from machine import keep_tensorflow_out, tensorflow_onednn
from sides import Built

SIZE, BATCH, WORKERS = 256, 32, 2
LOW, HIGH = -160.0, 240.0
VALUES = SIDE * SIDE
CACHE = "cache"
CODEC_SLICES = 100
SAMPLE = 64  # images whose numbers are compared

Batches = Iterator[np.ndarray]


class Monai:
    """MONAI and a torch DataLoader."""

    def __init__(self, folder: Path, kind: str) -> None:
        keep_tensorflow_out()
        import torch
        from monai import transforms
        from monai.data import DataLoader, Dataset, PersistentDataset, PydicomReader

        torch.set_num_threads(1)
        paths = sorted(map(str, folder.glob("*.dcm")))
        steps = transforms.Compose(
            [
                transforms.LoadImage(
                    reader=PydicomReader(swap_ij=False), image_only=True, ensure_channel_first=True
                ),
                transforms.Resize((SIZE, SIZE), mode="area"),
                transforms.ScaleIntensityRange(LOW, HIGH, 0.0, 1.0, clip=True),
            ]
        )
        self._cached = kind == CACHE
        settings: dict[str, Any] = {"batch_size": BATCH, "num_workers": WORKERS}
        if self._cached:
            data = PersistentDataset(paths, steps, cache_dir=folder.parent / "monai")
            settings |= {"shuffle": True, "persistent_workers": True}
        else:
            data = Dataset(paths, steps)
        self._loader = DataLoader(data, **settings)
        if self._cached:
            for _ in self._loader:
                pass

    def batches(self) -> Batches:
        """One epoch."""
        for batch in self._loader:
            yield batch.numpy()[:, 0, ..., np.newaxis]


class Tfmed:
    """`feed.direct`, or a warm cache."""

    def __init__(self, folder: Path, kind: str) -> None:
        from tfmed import data, feed
        from tfmed.data.auditing import audit
        from tfmed.transforms import Preprocessing

        os.environ["TFMED_DATA"] = str(folder.parent / "tfmed")
        self._feed = feed
        self._preprocessing = Preprocessing((SIZE, SIZE), 1, (LOW, HIGH))
        self._dataset = audit(data.open(folder, unit="image"))
        self._steps = len(self._dataset) // BATCH
        self._training = iter(self._shuffled()) if kind == CACHE else None

    def _shuffled(self) -> Any:
        count = len(self._dataset)
        return self._feed.training(
            self._feed.build(self._dataset, self._preprocessing),
            np.zeros((count, 1)),
            np.ones(count),
            preprocessing=self._preprocessing,
            batch_size=BATCH,
            seed=1,
            steps=range(10**9),
        )

    def batches(self) -> Batches:
        """One epoch."""
        if self._training is not None:
            for _ in range(self._steps):
                yield np.asarray(next(self._training)[0])
            return
        for batch in self._feed.direct(self._dataset, self._preprocessing, BATCH):
            yield np.asarray(batch)


class Pydicom:
    """pydicom within tf.data."""

    def __init__(self, folder: Path, kind: str) -> None:
        del kind
        import pydicom
        import tensorflow as tf

        def read(path: tf.Tensor) -> np.ndarray:
            file = pydicom.dcmread(path.numpy().decode())
            values = file.pixel_array * float(file.RescaleSlope) + float(file.RescaleIntercept)
            return values.astype(np.float32)[..., np.newaxis]

        def prepared(path: tf.Tensor) -> tf.Tensor:
            image = tf.ensure_shape(tf.py_function(read, [path], tf.float32), [SIDE, SIDE, 1])
            image = tf.image.resize(image, (SIZE, SIZE), method="area")
            return tf.clip_by_value((image - LOW) / (HIGH - LOW), 0.0, 1.0)

        paths = sorted(map(str, folder.glob("*.dcm")))
        stream = tf.data.Dataset.from_tensor_slices(paths)
        stream = stream.map(prepared, num_parallel_calls=tf.data.AUTOTUNE)
        self._stream = stream.batch(BATCH).prefetch(2)

    def batches(self) -> Batches:
        """One epoch."""
        for batch in self._stream:
            yield np.asarray(batch)


class Floor:
    """What cannot be spared: the bytes from the page cache, as float32."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._count, self._offset = VALUES, None
        self._paths = sorted(folder.glob("*.dcm"))
        if kind == CACHE:
            self._count, self._offset = SIZE * SIZE, 0
            flat = folder.parent / "floor.bin"
            np.zeros((len(self._paths), self._count), "<u2").tofile(flat)
            self._paths = [flat] * len(self._paths)

    def batches(self) -> Batches:
        """One epoch, an image at a time."""
        for number, path in enumerate(self._paths):
            file = os.open(path, os.O_RDONLY)
            offset = number * 2 * self._count
            if self._offset is None:
                offset = os.fstat(file).st_size - 2 * self._count
            yield np.frombuffer(os.pread(file, 2 * self._count, offset), "<u2").astype(np.float32)
            os.close(file)


class Codec:
    """The decoder's call alone."""

    def __init__(self, folder: Path, kind: str) -> None:
        import pydicom
        from pydicom.encaps import generate_frames

        paths = sorted(folder.glob("*.dcm"))[:CODEC_SLICES]
        files = [pydicom.dcmread(path) for path in paths]
        self._streams: list[Any] = [
            next(generate_frames(file.PixelData, number_of_frames=1)) for file in files
        ]
        if kind == "rle":
            from rle.utils import decode_frame

            self._decode: Callable[[Any], Any] = lambda data: decode_frame(data, VALUES, 16, "<")
        elif kind == "jpeg-ls":
            import jpeg_ls

            self._decode = jpeg_ls.decode_pixel_data
        elif kind == "jpeg-2000":
            import openjpeg

            self._decode = lambda data: openjpeg.decode_pixel_data(data, version=2)
        else:
            self._streams, self._decode = list(map(str, paths)), _by_gdcm

    def batches(self) -> Batches:
        """One call an image."""
        for stream in self._streams:
            self._decode(stream)
            yield np.empty(0)


def _by_gdcm(path: str) -> None:
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(path)
    assert reader.Read() and reader.GetImage().GetBuffer() is not None


SIDES: dict[str, Any] = {
    "monai": Monai,
    "pydicom": Pydicom,
    "tfmed": Tfmed,
    "floor": Floor,
    "codec": Codec,
}


def build(name: str, folder: str, kind: str) -> Built:
    """A side that has read all once, for `sides.py`; the work is an epoch.

    The first images are written beside the folder, for `feed.py` to compare.
    """
    place = Path(folder)
    side = SIDES[name](place, kind)
    first: list[np.ndarray] = []
    for batch in side.batches():
        if sum(map(len, first)) < SAMPLE:
            first.append(np.array(batch))
    if name not in ("floor", "codec") and kind != CACHE:
        np.save(place.parent / f"{name}.npy", np.concatenate(first)[:SAMPLE])

    def work(epochs: int) -> None:
        for _ in range(epochs):
            for _ in side.batches():
                pass

    return work, {"onednn": tensorflow_onednn()} if name == "tfmed" else {}
