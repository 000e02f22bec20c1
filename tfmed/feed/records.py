"""A file of records that are written in any order, and that outlives a kill at any moment.

Layout: the records back to back from byte 0, so that the graph can map the file as one tensor;
a mark for each record, 0 or its CRC-32 with a bit above it; the description as JSON; a tail.

While it is being written the file is called `NAME.part`, has its whole size from the start, and
is locked (`flock`, which the kernel undoes when the process ends). A record's mark is written
after its bytes. Whoever goes on with the file believes no mark: it compares each with the bytes,
so that neither a kill between two writes nor a power cut that loses pages leaves a wrong record.
When all is there, the file is flushed to the disk, gets its tail and is renamed.

The marks stay in the finished file as its checksums. The tail tells the time that the file's
modification time is set to: while that stands nobody has written to the file, and a sample of
records is compared when it is opened. Else (it was copied, or damaged) all are, and a damaged
file is made again from its whole records.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfmed import log
from tfmed.errors import DataError
from tfmed.feed.lease import Lease, claim

PART = ".part"
MARK = 1 << 32
# Signature, time of finishing in seconds, CRC-32 of the marks.
TAIL = struct.Struct("<8sqQ")
SIGNATURE = b"tfmed\0\0\2"
SAMPLE = 64  # records, or fewer where they are large
SAMPLE_BYTES = 16 << 20
PIECE_BYTES = 16 << 20


@dataclass(frozen=True)
class Layout:
    """Where each record lies.

    Attributes:
        offsets: int64 `[N + 1]`, the byte where each record begins, and the end of the last.
        about: plain data that tells what the records are.
    """

    offsets: np.ndarray
    about: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def description(self) -> bytes:
        """The description as it stands in the file."""
        return json.dumps(dict(self.about), sort_keys=True).encode()

    @property
    def marks_at(self) -> int:
        """The byte where the marks begin."""
        return int(self.offsets[-1])

    @property
    def described_at(self) -> int:
        """The byte where the description begins."""
        return self.marks_at + 8 * len(self)

    @property
    def size_bytes(self) -> int:
        """Of the whole file."""
        return self.described_at + len(self.description) + TAIL.size


class Writer:
    """Takes the records of a file that is being written."""

    def __init__(self, lease: Lease, layout: Layout, marks: np.ndarray) -> None:
        self.layout = layout
        self.marks = marks
        self._lease = lease

    @property
    def missing(self) -> np.ndarray:
        """Int64: numbers of the records that are not there yet."""
        return np.flatnonzero(self.marks == 0)

    def write(self, number: int, record: np.ndarray) -> None:
        """Write one record, whole and for good.

        Raises:
            DataError: the disk is full, or fails.
        """
        content = np.ascontiguousarray(record).reshape(-1).view(np.uint8).data
        start, stop = self.layout.offsets[number : number + 2].tolist()
        if len(content) != stop - start:
            raise ValueError(f"record {number} has {len(content)} bytes, not {stop - start}")
        with _told(self._lease.path):
            self._lease.write(content, start)
            self.marks[number] = MARK | zlib.crc32(content)
            self._lease.write(self.marks[number].tobytes(), self.layout.marks_at + 8 * number)


def find(path: Path, layout: Layout) -> Lease | None:
    """The file at `path` if it is whole, undamaged and of this layout.

    Returns:
        A lease, which the caller keeps as long as it uses the file; or None.
    """
    try:
        lease = Lease(path)
    except FileNotFoundError:
        return None
    lease.lock(fcntl.LOCK_SH)
    state = os.fstat(lease.descriptor)
    if not lease.in_place() or state.st_size != layout.size_bytes:
        return None
    signature, finished, checksum = TAIL.unpack(lease.read(state.st_size - TAIL.size, TAIL.size))
    marks = _marks(lease, layout)
    if (
        signature != SIGNATURE
        or checksum != zlib.crc32(marks.tobytes())
        or lease.read(layout.described_at, len(layout.description)) != layout.description
    ):
        return None
    untouched = state.st_mtime_ns == finished * 10**9
    if _damaged(lease, layout, marks, _sample(layout) if untouched else range(len(layout))):
        return None
    if not untouched:
        with suppress(OSError):  # another's file may be read, but not be dated
            os.utime(path, ns=(state.st_atime_ns, finished * 10**9))
    return lease


def ensure(path: Path, layout: Layout, fill: Callable[[Writer], None]) -> Lease:
    """Find a file, wait for the process that is writing it, or write what is missing of it.

    Args:
        path: of the finished file; its folder is made.
        layout: of the file. The name must tell one layout from another.
        fill: writes every record that the writer says is missing. What it raises comes
            through, and the records that it has written are kept for the next try.

    Returns:
        A lease, which the caller keeps as long as it uses the file.

    Raises:
        DataError: the folder cannot be written, or the disk is full.
    """
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with _told(path):
            lease = find(path, layout)
            part = claim(path.with_name(path.name + PART)) if lease is None else None
        if lease is not None:
            return lease
        if part is not None:
            try:
                _complete(part, path, layout, fill)
            finally:
                part.close()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Raise a failing disk as an error that says how to mend it."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"cannot write the cache of images in {path.parent} ({error.strerror}); make room "
            "there (tfmed index --cache-clear removes old caches), or name another folder by the "
            "environment variable TFMED_DATA. What is cached already is kept"
        ) from error


def _complete(part: Lease, path: Path, layout: Layout, fill: Callable[[Writer], None]) -> None:
    """Write the records that the part lacks, and give it its name."""
    if find(path, layout) is not None:  # finished by another, before this part was made
        part.path.unlink()
        return
    writer = _resumed(part, path, layout)
    try:
        if len(writer.missing):
            fill(writer)
    finally:
        if not writer.marks.any():
            part.path.unlink()
    if len(writer.missing):
        raise ValueError(f"{len(writer.missing)} records were not written")
    # Even seconds: what any file system can keep as a time of modification.
    finished = int(time.time()) // 2 * 2
    tail = TAIL.pack(SIGNATURE, finished, zlib.crc32(writer.marks.tobytes()))
    with _told(path):
        os.fsync(part.descriptor)
        part.write(tail, layout.size_bytes - TAIL.size)
        os.fsync(part.descriptor)
        os.utime(part.path, (finished, finished))
        part.path.replace(path)


def _resumed(part: Lease, path: Path, layout: Layout) -> Writer:
    """A writer over what an earlier process has left in the part, or over a new one."""
    if (
        os.fstat(part.descriptor).st_size == layout.size_bytes
        and part.read(layout.described_at, len(layout.description)) == layout.description
    ):
        marks = _marks(part, layout)
        written = np.flatnonzero(marks).tolist()
        marks[_damaged(part, layout, marks, written)] = 0
        return Writer(part, layout, marks)
    with _told(path):
        _make_room(part, layout.size_bytes)
        part.write(layout.description, layout.described_at)
    writer = Writer(part, layout, np.zeros(len(layout), np.uint64))
    with suppress(FileNotFoundError):
        _rescue(path, writer)
    return writer


def _make_room(part: Lease, size_bytes: int) -> None:
    """Give a file its size, zeros all through, and the room on the disk now, not half-way."""
    os.ftruncate(part.descriptor, 0)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(part.descriptor, 0, size_bytes)
        else:
            os.ftruncate(part.descriptor, size_bytes)
    except OSError as error:
        part.path.unlink()
        free = shutil.disk_usage(part.path.parent).free
        reason = f"{error.strerror}: {size_bytes:,} bytes needed, {free:,} free"
        raise OSError(error.errno, reason) from error


def _rescue(path: Path, writer: Writer) -> None:
    """Copy the whole records of a damaged file of the same layout."""
    old = Lease(path)
    layout = writer.layout
    if os.fstat(old.descriptor).st_size == layout.size_bytes:
        log.warning(f"the cache {path.name} was damaged; what is whole of it is kept")
        marks = _marks(old, layout)
        whole = np.flatnonzero(marks).tolist()
        for number in np.setdiff1d(whole, _damaged(old, layout, marks, whole)).tolist():
            start, stop = layout.offsets[number : number + 2].tolist()
            writer.write(number, np.frombuffer(old.read(start, stop - start), np.uint8))
    old.close()


def _sample(layout: Layout) -> Sequence[int]:
    """Numbers of a few records over the whole file."""
    count = min(len(layout), SAMPLE, max(2, SAMPLE_BYTES * len(layout) // layout.marks_at))
    return np.unique(np.linspace(0, len(layout) - 1, count).astype(np.int64)).tolist()


def _damaged(lease: Lease, layout: Layout, marks: np.ndarray, numbers: Sequence[int]) -> list[int]:
    """Those of some records whose bytes are not what their marks say."""
    found = []
    with log.progress(numbers, what="Checking cached images", unit="images") as bar:
        for number in bar:
            start, stop = layout.offsets[number : number + 2].tolist()
            checksum = 0
            for place in range(start, stop, PIECE_BYTES):
                piece = lease.read(place, min(PIECE_BYTES, stop - place))
                checksum = zlib.crc32(piece, checksum)
            if int(marks[number]) != MARK | checksum:
                found.append(number)
    return found


def _marks(lease: Lease, layout: Layout) -> np.ndarray:
    return np.frombuffer(lease.read(layout.marks_at, 8 * len(layout)), np.uint64).copy()
