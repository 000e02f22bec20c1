"""Arrays from worker processes through anonymous shared memory (Linux' memfd).

It has no name in /dev/shm, is not bound by that folder's size, and is gone with the last process
that holds it, however that ended. Each task has a slot of it, which is written and read by plain
calls that fail with an error where memory is short; touching a mapped page would end the process.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from multiprocessing.reduction import DupFd
from typing import Any

import numpy as np

# Address space, not memory: only what is written takes room. No image is larger.
SLOT_BYTES = 1 << 32
KEPT_BYTES = 1 << 26  # a slot that grew beyond gives its memory back


class Slots:
    """Shared memory in numbered slots; travels to a process that is being started."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def make(cls, count: int) -> Slots | None:
        """So many slots, or None where the system has none to give."""
        if not hasattr(os, "memfd_create"):
            return None
        try:
            descriptor = os.memfd_create("tfmed")
        except OSError:
            return None
        try:
            os.ftruncate(descriptor, count * SLOT_BYTES)
        except OSError:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def __reduce__(self) -> tuple[Any, ...]:
        return _attached, (DupFd(self._descriptor),)

    def close(self) -> None:
        """Let go of the memory; it is free when every process has done so."""
        os.close(self._descriptor)

    def write(self, slot: int, buffers: Sequence[memoryview]) -> bool:
        """Write buffers one after the other; False where there is no room."""
        place = slot * SLOT_BYTES
        if sum(buffer.nbytes for buffer in buffers) > SLOT_BYTES:
            return False
        try:
            for buffer in buffers:
                left = buffer
                while left.nbytes:
                    done = os.pwrite(self._descriptor, left, place)
                    left, place = left[done:], place + done
        except OSError:
            return False
        return True

    def read(self, slot: int, lengths: Sequence[int]) -> list[np.ndarray]:
        """Copies of what `write` has left in a slot."""
        start = place = slot * SLOT_BYTES
        copies = []
        for length in lengths:
            copy = np.empty(length, np.uint8)
            left = memoryview(copy.data)
            while left.nbytes:
                done = os.preadv(self._descriptor, [left], place)
                left, place = left[done:], place + done
            copies.append(copy)
        if place - start > KEPT_BYTES and hasattr(mmap, "MADV_REMOVE"):
            with mmap.mmap(self._descriptor, place - start, offset=start) as mapped:
                mapped.madvise(mmap.MADV_REMOVE)
        return copies


def _attached(descriptor: Any) -> Slots:
    return Slots(descriptor.detach())
