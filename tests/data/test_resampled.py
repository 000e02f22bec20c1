"""What a worker process sends of a case: at the network's spacing, with voxels of its classes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import makers
import makers_volumes as volumes
import numpy as np

from tfmed.data.resampled import POSITIONS, Resampled, WantedCase, foreground, read
from tfmed.errors import DataError, GeometryError, ReadError


def wanted(folder: Path, **changes: object) -> WantedCase:
    example = volumes.dataset(folder).table.iloc[1].to_dict()
    settings = {
        "example": example,
        "facts_masks": volumes.MASKS,
        "spacing_mm": (1.0, 1.0, 1.0),
        "classes": 3,
    }
    return WantedCase(**{**settings, **changes})  # type: ignore[arg-type]


def test_image_and_mask_come_at_the_spacing_that_is_wanted(tmp_path: Path) -> None:
    found = read(wanted(tmp_path))
    assert isinstance(found, Resampled)
    assert found.pixels.shape == (28, 30, 24, 1)
    assert found.mask is not None
    assert found.mask.shape == (28, 30, 24)
    for number, voxels in enumerate(found.positions, start=1):
        assert len(voxels) == min(POSITIONS, (found.mask == number).sum())
        assert (found.mask.ravel()[voxels] == number).all()


def test_without_facts_of_masks_none_is_read(tmp_path: Path) -> None:
    found = read(wanted(tmp_path, facts_masks=None))
    assert isinstance(found, Resampled)
    assert found.mask is None
    assert found.positions == []


def test_errors_are_sent_and_not_raised(tmp_path: Path) -> None:
    asked = wanted(tmp_path)
    gone = {**asked.example, "path": str(tmp_path / "gone.nii.gz")}
    assert isinstance(read(asked._replace(example=gone)), ReadError)
    strange = {**volumes.MASKS, "values": [0, 1]}
    assert isinstance(read(asked._replace(facts_masks=strange)), DataError)
    flat = makers.raster(tmp_path / "flat.png", makers.noise((8, 9)))
    plain = {"path": str(flat), "files": None, "frame": -1, "mask": None}
    assert isinstance(read(asked._replace(example=plain, facts_masks=None)), GeometryError)


def test_many_voxels_are_drawn_evenly_and_always_alike() -> None:
    mask = np.zeros((40, 50, 30), np.uint8)
    mask[10:30] = 2
    voxels = foreground(mask, 4)
    assert [len(one) for one in voxels] == [0, POSITIONS, 0]
    assert len(np.unique(voxels[1])) == POSITIONS
    slices = voxels[1] // (50 * 30)
    assert (slices.min(), slices.max()) == (10, 29)
    assert np.bincount(slices - 10, minlength=20).min() > 20  # 50 a slice are expected
    np.testing.assert_array_equal(foreground(mask, 4)[1], voxels[1])


def test_a_worker_needs_no_tensorflow() -> None:
    code = "import sys, tfmed.data.resampled; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
