"""Formats that TensorFlow decodes in the graph: plain and JPEG DICOM, NIfTI, PNG and JPEG.

Only files for which the graph's answer is that of `tfmed.io.read`, number for number, which
`tfmed.io.native` tells; all others take the general route. So does a file on which the graph
fails, and then either its pixels or the reader's own words on what is wrong with it come back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence

import numpy as np
import pandas as pd
import tensorflow as tf

from tfmed.feed import workers
from tfmed.feed.finish import Finish
from tfmed.io.native import JPEG, JPEG_PART, NIFTI, PNG, RAW

PREFETCH = 2
SEGMENT = 1 << 14  # rows whose paths are held as tensors at a time
DECODED_BYTES = 1 << 30
BYTES_A_PIXEL = 16  # of the file's bytes, stored values, and values in units, for a while at once
# float32 holds whole numbers up to here.
EXACT = 2**24
PLACED = (RAW, JPEG_PART, NIFTI)  # values that lie somewhere in a file, with slope and intercept
SIDES = ["depth", "height", "width"]

Row = dict[str, tf.Tensor]


def names(table: pd.DataFrame) -> pd.Series:
    """What decodes each row in the graph, as words; "" where nothing does.

    The words are the column `native` of the audit; for values that lie in a file as they are,
    these follow: `image` or `volume`; `masked` where high bits hold no part of a value, else
    `whole`; `kept` where slope and intercept change nothing, `moved` where whole numbers are
    moved by the intercept alone, else the dtype to compute in; and `turned` where shades are
    inverted, else `upright`.
    """
    if "native" not in table:
        return pd.Series("", index=table.index, dtype="str")
    codes, found = pd.factorize(table["native"])
    placed = np.array([name.split(" ")[0] in PLACED for name in found], dtype=bool)[codes]
    whole = (table["frame"] < 0) & table["files"].isna()
    words = table["native"].where(whole, "")
    return words.where(~(placed & whole), words + _more(table, codes, found))


def _more(table: pd.DataFrame, codes: np.ndarray, found: pd.Index) -> pd.Series:
    stored = [np.dtype(name.split(" ")[1]) if name else np.dtype("u1") for name in found]
    allocated = np.array([8 * dtype.itemsize for dtype in stored])[codes]
    integer = np.array([dtype.kind in "iu" for dtype in stored], dtype=bool)[codes]
    slope, intercept, bits = (table[name].astype(float) for name in ("slope", "intercept", "bits"))
    # Exact in float32, or else float64, in which reading works.
    reach = slope.abs() * 2**bits + 2 * intercept.abs()
    exact = (slope % 1 == 0) & (intercept % 1 == 0) & (reach < EXACT) & integer
    moved = (slope == 1) & exact & ~table["inverted"]
    work = np.where(moved, "moved", np.where(exact, "float32", "float64"))
    kept = (slope == 1) & (intercept == 0) & ~table["inverted"]
    columns = (
        np.where((table["depth"] > 1), "volume", "image"),
        np.where((bits < allocated) & integer, "masked", "whole"),
        np.where(kept, "kept", work),
        np.where(table["inverted"], "turned", "upright"),
    )
    more = pd.Series("", index=table.index, dtype="str")
    for column in columns:
        more = more + " " + pd.Series(column, index=table.index, dtype="str")
    return more


def images(
    words: Sequence[str],
    table: pd.DataFrame,
    positions: np.ndarray,
    finish: Finish,
    length: int,
) -> Generator[tuple[np.ndarray, np.ndarray | tf.Tensor]]:
    """Images of rows of one native route, decoded and resampled in parallel, in order.

    Args:
        words: what `names` gives for every row.
        table: of an audited data set.
        positions: of the rows, rising.
        finish: what is done with decoded images.
        length: images a block.

    Yields:
        Positions `[n]`, and float32 `[n, *size, C]`; a tensor, which `np.asarray` does not copy,
        where the graph could decode all of them.

    Raises:
        ReadError: a file cannot be read; the message names it.
    """
    for start in range(0, len(positions), SEGMENT):
        some = positions[start : start + SEGMENT]
        stream = _stream(words, table.iloc[some], some, finish, length)
        done = 0
        for decoded, block in stream:
            found = decoded.numpy()
            upto = int(np.searchsorted(some, found[-1])) + 1
            if upto - done == len(found):
                yield found, block
            else:
                yield some[done:upto], _filled(some[done:upto], found, block, table, finish)
            done = upto
        nothing = np.empty((0, *finish.preprocessing.input_shape), np.float32)
        for position in some[done:]:
            one = position[np.newaxis]
            yield one, _filled(one, some[:0], nothing, table, finish)


def _filled(
    wanted: np.ndarray, found: np.ndarray, block: tf.Tensor, table: pd.DataFrame, finish: Finish
) -> np.ndarray:
    """A block with the images on which the graph failed, by their own reader."""
    whole = np.empty((len(wanted), *block.shape[1:]), np.float32)
    there = np.isin(wanted, found)
    whole[there] = block
    for place in np.flatnonzero(~there):
        (pixels,) = workers.pixels([table.iloc[wanted[place]]], 0, finish.preprocessing)
        whole[place] = finish(pixels[np.newaxis])[0]
    return whole


def _stream(
    words: Sequence[str],
    table: pd.DataFrame,
    positions: np.ndarray,
    finish: Finish,
    length: int,
) -> tf.data.Dataset:
    """Positions and images of those rows that the graph can decode."""
    kind, *rest = words
    columns = {"path": table["path"].to_numpy(object)}
    fixed = None
    if kind in PLACED:
        columns |= _numbers(table)
        shapes = columns["shape"]
        if (shapes == shapes[0]).all():
            # Known when the graph is built, which spares choices inside it.
            fixed = tuple(int(side) for side in shapes[0])

    @tf.autograph.experimental.do_not_convert
    def prepared(position: tf.Tensor, row: Row) -> tuple[tf.Tensor, tf.Tensor]:
        if fixed is not None:
            row = {**row, "shape": tf.constant(fixed, tf.int64)}
        pixels = DECODERS[kind](row, *rest)
        return position, finish.in_graph(pixels)

    stream = tf.data.Dataset.from_tensor_slices((positions, columns))
    stream = stream.map(prepared, num_parallel_calls=_at_a_time(table)).ignore_errors()
    return stream.batch(length).prefetch(PREFETCH)


def _at_a_time(table: pd.DataFrame) -> int:
    """How many images to decode at the same time: one a CPU, or fewer of large volumes."""
    pixels = int(table[SIDES].to_numpy(np.int64).prod(axis=1).max())
    return max(1, min(os.cpu_count() or 1, DECODED_BYTES // (BYTES_A_PIXEL * max(1, pixels))))


def _numbers(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """What the graph needs to know of placed values beside their paths."""
    bits, slope, intercept = (
        table[name].to_numpy(float) for name in ("bits", "slope", "intercept")
    )
    signed = table["signed"].to_numpy(bool)
    return {
        "offset": table["pixel_offset"].to_numpy(np.int64),
        "bytes": table["pixel_bytes"].to_numpy(np.int64),
        "shape": table[SIDES].to_numpy(np.int64),
        "bits": table["bits"].to_numpy(np.int64),
        "slope": slope,
        "intercept": intercept,
        # As tfmed.io.dicom.inversion_sum: the ends of what the bits hold, in modality units.
        "total": slope * np.where(signed, -1.0, 2.0**bits - 1) + 2 * intercept,
    }


def _part(row: Row, length: tf.Tensor) -> tf.Tensor:
    return tf.strings.substr(tf.io.read_file(row["path"]), row["offset"], length)


def _raw(
    row: Row, stored: str, channels: str, rank: str, mask: str, work: str, turn: str
) -> tf.Tensor:
    """Pixels of an uncompressed little-endian DICOM file."""
    dtype = tf.as_dtype(stored)
    shape = tf.concat([row["shape"][1 if rank == "image" else 0 :], [int(channels)]], 0)
    values = tf.io.decode_raw(_part(row, tf.reduce_prod(shape) * dtype.size), dtype)
    if mask == "masked":
        unused = tf.cast(8 * dtype.size - row["bits"], dtype)
        values = tf.bitwise.right_shift(tf.bitwise.left_shift(values, unused), unused)
    return tf.reshape(_in_units(values, row, work, turn), _static(shape))


def _jpeg_part(
    row: Row, _: str, channels: str, rank: str, mask: str, work: str, turn: str
) -> tf.Tensor:
    """Pixels of a DICOM file that holds one JPEG stream."""
    del rank, mask
    return _in_units(_decode_jpeg(_part(row, row["bytes"]), channels), row, work, turn)


def _nifti(row: Row, stored: str, channels: str, order: str, *more: str) -> tf.Tensor:
    """Pixels of an uncompressed NIfTI file, turned to RAS+."""
    *flips, rank, _, work, turn = more
    dtype = np.dtype(stored)
    axes = [int(axis) for axis in order]
    sides = tf.gather(row["shape"], np.argsort(axes))
    data = _part(row, tf.reduce_prod(sides) * dtype.itemsize)
    little = not stored.startswith(">")
    values = tf.io.decode_raw(data, tf.as_dtype(dtype.newbyteorder("=")), little_endian=little)
    values = _in_units(values, row, work, turn)
    turned = tf.transpose(tf.reshape(values, _static(sides)), axes)
    turned = tf.reverse(turned, [int(axis) for axis in "".join(flips)]) if flips else turned
    return (turned[0] if rank == "image" else turned)[..., tf.newaxis]


def _in_units(values: tf.Tensor, row: Row, work: str, turn: str) -> tf.Tensor:
    """Slope, intercept and inversion, as reading applies them; float32."""
    if work == "kept":
        return tf.cast(values, tf.float32)
    if work == "moved":
        return tf.cast(values, tf.float32) + tf.cast(row["intercept"], tf.float32)
    slope, intercept, total = (tf.cast(row[name], work) for name in ("slope", "intercept", "total"))
    values = tf.cast(values, work) * slope + intercept
    if turn == "turned":
        values = total - values
    return tf.cast(values, tf.float32)


def _static(shape: tf.Tensor) -> tf.Tensor:
    """A shape as constants where it is known when the graph is built."""
    known = tf.get_static_value(shape)
    return shape if known is None else tf.constant(known)


def _png(row: Row, dtype: str, channels: str) -> tf.Tensor:
    data = tf.io.read_file(row["path"])
    return tf.io.decode_png(data, channels=int(channels), dtype=tf.as_dtype(dtype))


def _jpeg(row: Row, _: str, channels: str) -> tf.Tensor:
    return _decode_jpeg(tf.io.read_file(row["path"]), channels)


def _decode_jpeg(data: tf.Tensor, channels: str) -> tf.Tensor:
    # The other, faster method is up to 8 shades off, and 21 without fancy upscaling.
    return tf.io.decode_jpeg(
        data, channels=int(channels), fancy_upscaling=True, dct_method="INTEGER_ACCURATE"
    )


DECODERS: dict[str, Callable[..., tf.Tensor]] = {
    RAW: _raw,
    JPEG_PART: _jpeg_part,
    NIFTI: _nifti,
    PNG: _png,
    JPEG: _jpeg,
}
