"""GDCM in a process of its own, because damaged data ends the process that it runs in.

GDCM is the only decoder here of lossless and 12-bit JPEG, and the second of JPEG-LS and JPEG
2000. Its C++ exceptions do not become Python's: they abort. So one child process, started when
it is first needed, decodes for this one; if it dies or hangs, the file at hand is unreadable
and the next gets a new child. The child ends with its parent, whose pipe it reads.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import subprocess
import sys
import threading
from typing import Any

import numpy as np

SECONDS = 300.0
_LENGTH_BYTES = 8
_lock = threading.Lock()
# By the parent's id: after a fork the child is not the new process's to write to.
_children: dict[int, subprocess.Popen[bytes]] = {}
# The processes in which a crash costs one file only, because another one watches them.
_guarded: set[int] = set()


def trust_this_process() -> None:
    """Decode within this process from now on: it is a worker, whose death its pool survives."""
    _guarded.add(os.getpid())


def decode(stream: bytes, syntax: str, settings: dict[str, Any]) -> np.ndarray:
    """The stored values of one frame as GDCM has them, decoded in the child process.

    In a worker of `tfmed.data.pool` it is decoded there, see `trust_this_process`.

    Args:
        stream: the codec's bytes.
        syntax: the transfer syntax UID.
        settings: see `gdcm_frame.by_gdcm`.

    Raises:
        ValueError: GDCM refused the data, died on it, or took longer than five minutes.
        OSError: the child was ended by something else.
    """
    if os.getpid() in _guarded:
        from tfmed.io.gdcm_frame import by_gdcm

        return by_gdcm(stream, syntax, settings)
    request = json.dumps([len(stream), syntax, settings]).encode() + b"\n"
    with _lock:
        child = _running_child()
        timer = threading.Timer(SECONDS, child.kill)
        timer.start()
        try:
            answer = _ask(child, request, stream)
        except BaseException:
            # It died, or an interrupt left half an answer in the pipe for the next file.
            close()
            raise
        finally:
            timer.cancel()
    if not answer:
        raise ValueError("GDCM cannot decode it")
    return np.load(io.BytesIO(answer), allow_pickle=False)


def close() -> None:
    """End the child process, if there is one."""
    child = _children.pop(os.getpid(), None)
    if child is not None:
        child.kill()
        child.communicate()


def serve() -> None:
    """What the child runs: requests on standard input, arrays on standard output, to the end."""
    from tfmed.io.gdcm_frame import by_gdcm

    # The C libraries write to file descriptor 1 as they like.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in sys.stdin.buffer:
        answer = io.BytesIO()
        length, syntax, settings = json.loads(line)
        stream = sys.stdin.buffer.read(length)
        try:
            np.save(answer, by_gdcm(stream, syntax, settings), allow_pickle=False)
        except Exception:  # noqa: BLE001  (the parent is told that it failed, and no more)
            answer = io.BytesIO()
        answers.write(len(answer.getbuffer()).to_bytes(_LENGTH_BYTES, "big"))
        answers.write(answer.getbuffer())
        answers.flush()


def _ask(child: subprocess.Popen[bytes], request: bytes, stream: bytes) -> bytes:
    """The answer, empty where GDCM refused.

    Raises:
        ValueError: the child ended before it had answered.
        OSError: it had ended before it was asked.
    """
    assert child.stdin is not None and child.stdout is not None
    child.stdin.write(request)
    child.stdin.write(stream)
    child.stdin.flush()
    head = child.stdout.read(_LENGTH_BYTES)
    length = int.from_bytes(head, "big")
    answer = child.stdout.read(length)
    if len(head) < _LENGTH_BYTES or len(answer) < length:
        raise ValueError("GDCM died on it")
    return answer


def _running_child() -> subprocess.Popen[bytes]:
    child = _children.get(os.getpid())
    if child is not None and child.poll() is None:
        return child
    close()
    child = subprocess.Popen(
        [sys.executable, "-c", "from tfmed.io.apart import serve; serve()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        # An interrupt of the parent is not the child's.
        start_new_session=True,
    )
    _children[os.getpid()] = child
    atexit.register(close)
    return child
