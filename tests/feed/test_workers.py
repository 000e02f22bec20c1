"""Worker processes: the same pixels in the same order, and errors that name their file."""

from __future__ import annotations

from pathlib import Path

import makers
import numpy as np
import pytest

from tfmed.errors import ReadError
from tfmed.feed import workers

COUNT = 40


def rows(folder: Path) -> list[dict]:
    made = []
    for number in range(COUNT):
        path = makers.raster(folder / f"{number}.tif", makers.noise((5, 4), number))
        made.append({"path": str(path), "frame": -1, "files": None})
    return made


def test_processes_give_what_this_process_gives_in_order(tmp_path: Path) -> None:
    listed = rows(tmp_path)
    volume = makers.noise((3, 6, 7), 5, 0, 4096, "uint16")
    files = [str(path) for path in makers.series(tmp_path / "s", volume)]
    listed.insert(3, {"path": files[0], "frame": -1, "files": files})
    here = list(workers.pixels(listed, 0))
    there = list(workers.pixels(listed, 2))
    assert len(here) == len(there) == COUNT + 1
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(there[3][..., 0], volume)


def test_a_bad_file_is_named_by_the_process_that_read_it(tmp_path: Path) -> None:
    listed = rows(tmp_path)
    Path(listed[20]["path"]).write_bytes(b"II*\0 nothing")
    stream = workers.pixels(listed, 2)
    for _ in range(20):
        next(stream)
    with pytest.raises(ReadError, match=r"20\.tif"):
        next(stream)


def test_processes_end_when_nobody_reads_on(tmp_path: Path) -> None:
    stream = workers.pixels(rows(tmp_path), 2)
    next(stream)
    stream.close()
