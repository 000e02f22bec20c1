"""Formats that TensorFlow decodes in the graph: plain DICOM, PNG and JPEG.

Only files for which the graph's answer is that of `tfmed.io.read`, number for number; all
others take the general route. So does a file on which the graph fails, and then either its
pixels or the reader's own words on what is wrong with it come back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed.feed import workers
from tfmed.io import dicom, raster
from tfmed.transforms.prepare import Preprocessing, resample

AHEAD = 8
# float32 holds whole numbers up to here.
EXACT = 2**24


def route_of(row: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The native route of a row of an audited table, or None where it has none.

    `("dicom", stored dtype, working dtype, "turned" or "kept")`, `("png", dtype, channels)`
    or `("jpeg", "uint8", channels)`.
    """
    kind = row.get("format")
    # A frame of several would read the whole file for each; the general route seeks.
    if row.get("frame", -1) >= 0 or isinstance(row.get("files"), (list, tuple, np.ndarray)):
        return None
    if kind == "dicom" and row["pixel_offset"] >= 0 and row["depth"] == 1:
        turned = "turned" if row["inverted"] else "kept"
        return "dicom", _stored_dtype(row), _working_dtype(row), turned
    if kind in ("png", "jpeg"):
        header = raster.read_header(row["path"])
        if header.native and header.kind == kind:
            return kind, f"uint{header.bits}", str(header.channels)
    return None


def images(
    route: tuple[str, ...], table: pd.DataFrame, preprocessing: Preprocessing
) -> Iterator[np.ndarray]:
    """Images of rows of one native route, decoded and resampled in parallel, in order.

    Args:
        route: what `route_of` gives for every row of `table`.
        table: rows of an audited data set's table.
        preprocessing: size and channels.

    Yields:
        float32 `[H, W, C]`, modality units.

    Raises:
        ReadError: a file cannot be read; the message names it.
    """
    decode = DECODERS[route[0]]

    @tf.autograph.experimental.do_not_convert
    def prepared(row: dict[str, tf.Tensor]) -> tf.Tensor:
        return resample(decode(row, *route[1:])[tf.newaxis], preprocessing)[0]

    rows = table.to_dict("records")
    columns = _dicom_columns(rows) if route[0] == "dicom" else {}
    columns["path"] = [str(row["path"]) for row in rows]
    stream = tf.data.Dataset.from_tensor_slices(columns)
    stream = stream.map(prepared, num_parallel_calls=tf.data.AUTOTUNE).prefetch(AHEAD)
    decoded = stream.as_numpy_iterator()
    for row in rows:
        try:
            yield next(decoded)
        except tf.errors.OpError:
            (pixels,) = workers.pixels([row])
            yield resample(tf.constant(pixels)[tf.newaxis], preprocessing)[0].numpy()


def _stored_dtype(row: Mapping[str, Any]) -> str:
    """The type of stored values; up to 8 bits may lie in 8 or in 16, which the header tells."""
    bits = 16 if row["bits"] > 8 else dicom.read_header(row["path"]).bits_allocated
    return f"{'int' if row['signed'] else 'uint'}{bits}"


def _working_dtype(row: Mapping[str, Any]) -> str:
    """float32 where slope and intercept are exact in it, else float64, in which reading works."""
    slope, intercept = float(row["slope"]), float(row["intercept"])
    reach = abs(slope) * 2 ** int(row["bits"]) + 2 * abs(intercept)
    whole = slope.is_integer() and intercept.is_integer()
    return "float32" if whole and reach < EXACT else "float64"


def _dicom_columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the graph needs of DICOM rows beside their paths."""
    table = {name: np.array([row[name] for row in rows]) for name in rows[0] if name != "files"}
    bits, slope, intercept = (table[name].astype(float) for name in ("bits", "slope", "intercept"))
    # As tfmed.io.dicom.inversion_sum: the ends of what the bits hold, in modality units.
    total = slope * np.where(table["signed"], -1.0, 2.0**bits - 1) + 2 * intercept
    return {
        "offset": table["pixel_offset"].astype(np.int64),
        "shape": np.stack([table["height"], table["width"]], axis=1).astype(np.int64),
        "bits": table["bits"].astype(np.int64),
        "slope": slope,
        "intercept": intercept,
        "total": total,
    }


def _dicom(row: dict[str, tf.Tensor], stored: str, working: str, turn: str) -> tf.Tensor:
    """Pixels `[H, W, 1]` of an uncompressed little-endian DICOM file."""
    dtype = tf.as_dtype(stored)
    length = tf.reduce_prod(row["shape"]) * dtype.size
    data = tf.strings.substr(tf.io.read_file(row["path"]), row["offset"], length)
    values = tf.io.decode_raw(data, dtype)
    unused = tf.cast(8 * dtype.size - row["bits"], dtype)
    values = tf.bitwise.right_shift(tf.bitwise.left_shift(values, unused), unused)
    slope, intercept, total = (
        tf.cast(row[name], working) for name in ("slope", "intercept", "total")
    )
    values = tf.cast(values, working) * slope + intercept
    if turn == "turned":
        values = total - values
    return tf.reshape(tf.cast(values, tf.float32), tf.concat([row["shape"], [1]], 0))


def _png(row: dict[str, tf.Tensor], dtype: str, channels: str) -> tf.Tensor:
    data = tf.io.read_file(row["path"])
    return tf.io.decode_png(data, channels=int(channels), dtype=tf.as_dtype(dtype))


def _jpeg(row: dict[str, tf.Tensor], _: str, channels: str) -> tf.Tensor:
    # The other, faster method is up to 8 shades off, and 21 without fancy upscaling.
    return tf.io.decode_jpeg(
        tf.io.read_file(row["path"]),
        channels=int(channels),
        fancy_upscaling=True,
        dct_method="INTEGER_ACCURATE",
    )


DECODERS: dict[str, Callable[..., tf.Tensor]] = {"dicom": _dicom, "png": _png, "jpeg": _jpeg}
