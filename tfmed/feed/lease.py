"""An open file with its lock: who writes a cache file, and who uses it."""

from __future__ import annotations

import errno
import fcntl
import os
import time
import weakref
from pathlib import Path

from tfmed import log

WAIT_SECONDS = 0.2


class Lease:
    """An open file with its lock, both given up when nobody holds the lease any more.

    A shared lock stands for "in use": `clear` leaves such files where they are.
    """

    def __init__(self, path: Path, flags: int = os.O_RDONLY) -> None:
        self.path = path
        self.descriptor = os.open(path, flags | os.O_CLOEXEC, 0o666)
        self.close = weakref.finalize(self, os.close, self.descriptor)

    def lock(self, kind: int) -> bool:
        """Take a lock of a kind of `fcntl.flock`, unless another process has one against it."""
        try:
            fcntl.flock(self.descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # a file system without locks
        return True

    def in_place(self) -> bool:
        """Whether the open file is still the one at its path."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def read(self, start: int, length: int) -> bytes:
        """All of some bytes: the system may give fewer at once."""
        pieces = []
        while length:
            piece = os.pread(self.descriptor, length, start)
            if not piece:
                raise OSError(errno.EIO, "a cache file ends too early")
            pieces.append(piece)
            start, length = start + len(piece), length - len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def write(self, content: bytes | memoryview, start: int) -> None:
        """All of some bytes: the system may take fewer at once."""
        content = memoryview(content)
        while content:
            taken = os.pwrite(self.descriptor, content, start)
            content, start = content[taken:], start + taken


def claim(part: Path) -> Lease | None:
    """The file to be written, locked; None once another has finished or removed it."""
    lease = Lease(part, os.O_RDWR | os.O_CREAT)
    waited = False
    while not lease.lock(fcntl.LOCK_EX):
        if not waited:
            log.info("Another process is caching these images; waiting for it")
            waited = True
        time.sleep(WAIT_SECONDS)
        if not lease.in_place():
            return None
    return lease if lease.in_place() else None
