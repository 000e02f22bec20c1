"""The process in which damaged files are read; `python -m fuzz.reader_process MODULE:FUNCTION`.

A request is a line `{"path", "whole"}` on standard input; the answer, on standard output, is a
line that tells what came of it.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

# A runaway shall end here, not take the machine along.
ADDRESS_SPACE_BYTES = 12 << 30
KILOBYTE = 1024


def by_tfmed(path: str) -> np.ndarray | str:
    """Pixels, or why they were refused. Any other error goes up.

    What is read is also shown, and of a clip single frames are read, which must be equal.
    """
    from tfmed import errors, io
    from tfmed.io.display import display
    from tfmed.io.frames import even_frames

    try:
        if path.endswith(".npz"):
            return _archive(path)
        image = io.read(path)
    except errors.TfmedError as error:
        return str(getattr(error, "reason", error))
    assert display(image).shape == image.pixels.shape
    if image.clip:
        last = io.read(path, frame=image.frames - 1).pixels
        assert np.array_equal(last, image.pixels[-1]), "the last frame read alone is another"
        some = io.read(path, sample=3).pixels
        even = image.pixels[even_frames(image.frames, 3)]
        assert np.array_equal(some, even), "frames of a sample are others"
    return image.pixels


def _archive(path: str) -> np.ndarray:
    """All images of an archive, which is a data set and no image to `tfmed.io`."""
    from tfmed import data
    from tfmed.data import archives

    table = data.open(path).table
    members = table.groupby("member", sort=False)["frame"]
    return np.concatenate([archives.images(path, name)[frames] for name, frames in members])


def by_pydicom(path: str) -> np.ndarray | str:
    """Pixels in modality units as pydicom alone gives them, or its error.

    `"no pixel data"` stands for a file that was parsed and holds none.
    """
    import pydicom
    from pydicom.pixels import apply_modality_lut

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path, force=True)
            names = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
            if not any(name in dataset for name in names):
                return "no pixel data"
            return np.asarray(apply_modality_lut(dataset.pixel_array, dataset))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  (a PanicException is no Exception)
            return type(error).__name__


def main(name: str) -> None:
    """Answer requests to the end of standard input, by the function of that name."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    module, function = name.split(":")
    read = getattr(importlib.import_module(module), function)
    # C libraries write to file descriptor 1 as they like.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    answers.write("ready\n")
    answers.flush()
    whole: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        answers.write(json.dumps(_answer(read, whole, **request)) + "\n")
        answers.flush()


def _answer(read: Any, known: dict[str, Any], path: str, whole: str) -> dict[str, Any]:
    before, ended, start = _reset_peaks(), _of_ended_children(), time.perf_counter()
    try:
        if whole not in known:
            known[whole] = read(whole)
            before, start = _reset_peaks(), time.perf_counter()
        found = read(path)
    except BaseException as error:  # noqa: BLE001  (all of them are what is looked for)
        outcome, reason = "error", f"{type(error).__name__}: {error}"
    else:
        outcome = _outcome(found, known[whole])
        reason = found if isinstance(found, str) else f"{found.dtype} {found.shape}"
    seconds = time.perf_counter() - start
    growth = max(0, _peak_bytes() - before)
    if _of_ended_children() > ended:
        growth = max(growth, _of_ended_children())
    return {"outcome": outcome, "reason": reason, "seconds": seconds, "bytes": growth}


def _outcome(found: np.ndarray | str, expected: np.ndarray | str) -> str:
    if isinstance(found, str):
        if isinstance(expected, str):
            return "equal"
        return "lost" if found == "no pixel data" else "refused"
    if isinstance(expected, str):
        return "changed"
    return "equal" if np.array_equal(found, expected) else "changed"


def _processes() -> list[int]:
    """This process and its children: GDCM's of `tfmed.io.apart`."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [os.getpid(), *map(int, children)]


def _reset_peaks() -> int:
    """Forget the highest memory so far; the bytes that are held now."""
    held = 0
    for process in _processes():
        Path(f"/proc/{process}/clear_refs").write_text("5")
        held += _status(process, "VmRSS")
    return held


def _peak_bytes() -> int:
    return sum(_status(process, "VmHWM") for process in _processes())


def _of_ended_children() -> int:
    """The most that any child has held that is no more."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * KILOBYTE


def _status(process: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    values = [line.split()[1] for line in lines if line.startswith(name)]
    return int(values[0]) * KILOBYTE if values else 0


if __name__ == "__main__":
    main(sys.argv[1])
