"""GDCM's process: its death is one file's failure, and it outlives nobody."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames

from tfmed.errors import ReadError
from tfmed.io import apart, dicom

LOSSLESS = Path(pydicom.__file__).parent / "data" / "test_files" / "SC_rgb_jpeg_gdcm.dcm"


def with_broken_adobe_marker() -> tuple[bytes, str, dict[str, Any]]:
    """A frame on which GDCM throws a C++ exception through Python."""
    data = pydicom.dcmread(LOSSLESS.parent / "SC_rgb_jpeg_app14_dcmd.dcm")
    stream = bytearray(next(generate_frames(data.PixelData, number_of_frames=1)))
    stream[stream.index(b"Adobe") + 11] = 80
    settings = {
        "rows": data.Rows,
        "columns": data.Columns,
        "samples_per_pixel": 3,
        "photometric_interpretation": data.PhotometricInterpretation,
        "planar_configuration": 0,
        "number_of_frames": 1,
        "bits_allocated": 8,
        "bits_stored": 8,
        "pixel_representation": 0,
        "pixel_keyword": "PixelData",
    }
    return bytes(stream), data.file_meta.TransferSyntaxUID, settings


def test_a_death_is_an_error_and_the_next_file_is_read() -> None:
    whole = dicom.read(LOSSLESS).pixels
    first = apart._running_child()
    with pytest.raises(ValueError, match="GDCM died on it"):
        apart.decode(*with_broken_adobe_marker())
    assert first.wait(10) == -signal.SIGABRT
    assert np.array_equal(dicom.read(LOSSLESS).pixels, whole)
    assert apart._running_child() is not first


def test_a_decoder_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    apart.close()
    monkeypatch.setattr(apart, "SECONDS", 0.01)
    with pytest.raises(ReadError):
        dicom.read(LOSSLESS)
    monkeypatch.undo()
    assert dicom.read(LOSSLESS).pixels.shape == (100, 100, 3)


def test_a_worker_decodes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = dicom.read(LOSSLESS).pixels
    apart.close()
    monkeypatch.setattr(apart, "_guarded", set())
    apart.trust_this_process()
    assert np.array_equal(dicom.read(LOSSLESS).pixels, whole)
    assert not apart._children


def _shape(path: str) -> tuple[int, ...]:
    return dicom.read(path).pixels.shape


def test_a_file_is_read_in_a_process_that_may_have_no_children_of_multiprocessing() -> None:
    # As the workers of a data loader are.
    with multiprocessing.get_context("spawn").Pool(1) as loader:
        assert loader.apply(_shape, [str(LOSSLESS)]) == (100, 100, 3)


def test_the_child_ends_with_a_killed_parent() -> None:
    script = (
        "import os, signal; from tfmed.io import apart, dicom; "
        f"dicom.read({str(LOSSLESS)!r}); print(apart._running_child().pid, flush=True); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, env=environment, check=False
    )
    child = Path("/proc") / done.stdout.decode().strip()
    for _ in range(100):
        if not child.exists() or "\nState:\tZ" in (child / "status").read_text():
            return
        time.sleep(0.1)
    pytest.fail("the child lives on")
