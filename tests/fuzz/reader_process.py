"""The process in which damaged files are read; `python -m fuzz.reader_process tfmed|pydicom`.

A request is a line `{"path", "whole"}` on standard input; the answer, on standard output, is a
line that tells what came of it.
"""

from __future__ import annotations

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
    """Pixels, or why they were refused. Any other error goes up."""
    from tfmed import errors, io

    try:
        return io.read(path).pixels
    except errors.TfmedError as error:
        return str(getattr(error, "reason", error))


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


READERS = {"tfmed": by_tfmed, "pydicom": by_pydicom}


def main(name: str) -> None:
    """Answer requests to the end of standard input."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    read = READERS[name]
    # C libraries write to file descriptor 1 as they like.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    answers.write("ready\n")
    answers.flush()
    whole: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if request["whole"] not in whole:
            whole[request["whole"]] = read(request["whole"])
        answers.write(json.dumps(_answer(read, request["path"], whole[request["whole"]])) + "\n")
        answers.flush()


def _answer(read: Any, path: str, expected: np.ndarray | str) -> dict[str, Any]:
    before = _reset_peaks()
    start = time.perf_counter()
    try:
        found = read(path)
    except BaseException as error:  # noqa: BLE001  (all of them are what is looked for)
        outcome, reason = "error", f"{type(error).__name__}: {error}"
    else:
        outcome = _outcome(found, expected)
        reason = found if isinstance(found, str) else f"{found.dtype} {found.shape}"
    seconds = time.perf_counter() - start
    growth = max(0, _peak_bytes() - before)
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


def _status(process: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    values = [line.split()[1] for line in lines if line.startswith(name)]
    return int(values[0]) * KILOBYTE if values else 0


if __name__ == "__main__":
    main(sys.argv[1])
