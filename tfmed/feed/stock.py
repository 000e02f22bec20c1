"""The folder of cache files: what it holds, and how it is emptied."""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from tfmed.data import home
from tfmed.feed.lease import Lease

STORE = ".store"
# A part that nobody writes to is kept so long for its own command to go on with.
STALE_SECONDS = 7 * 24 * 3600
# All but the first are of earlier versions.
_OURS = re.compile(r"[0-9a-f]{32}\.((store|images|chunks)(\.part)?|bin|json)")


def folder_of(folder: Path | None = None) -> Path:
    """Where cache files live: `tfmed.data.home() / "cache"` by default."""
    return (home() / "cache" if folder is None else Path(folder)).absolute()


def size(folder: Path | None = None) -> int:
    """Bytes that cache files take, whole and unfinished ones."""
    return sum(path.stat().st_size for path in _files(folder))


def clear(folder: Path | None = None) -> int:
    """Remove all cache files but those that a living process writes or uses.

    Returns:
        Bytes that were freed.
    """
    return sum(_remove(path) for path in list(_files(folder)))


def sweep(folder: Path | None = None) -> int:
    """Remove parts that nobody has written to for a week.

    Returns:
        Bytes that were freed.
    """
    oldest = time.time() - STALE_SECONDS
    parts = [path for path in _files(folder) if path.suffix == ".part"]
    return sum(_remove(path) for path in parts if path.stat().st_mtime < oldest)


def _files(folder: Path | None) -> Iterator[Path]:
    place = folder_of(folder)
    if place.is_dir():
        yield from (path for path in place.iterdir() if _OURS.fullmatch(path.name))


def _remove(path: Path) -> int:
    """Remove a file that nobody has locked; the bytes freed."""
    lease = Lease(path, os.O_RDWR)
    try:
        if not lease.lock(fcntl.LOCK_EX) or not lease.in_place():
            return 0
        freed = os.fstat(lease.descriptor).st_size
        path.unlink()
    finally:
        lease.close()
    return freed
