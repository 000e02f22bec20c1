"""The training part's cases in numbers, and the plan that is made of files."""

from __future__ import annotations

from pathlib import Path

import makers_nifti
import numpy as np
import pytest

from tfmed import data, planning
from tfmed.data import auditing
from tfmed.data.dataset import Dataset
from tfmed.errors import DataError
from tfmed.planning import Machine
from tfmed.tasks import Segmentation
from tfmed.tasks.segmentation.case_fingerprint import case_fingerprint

MINUTE = Machine(cores=2, seconds=60)


@pytest.fixture(scope="module")
def organs(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Four volumes of 24 x 20 x 16 voxels, the first without a mask, the last twice as coarse."""
    folder = tmp_path_factory.mktemp("organs")
    random = np.random.default_rng(0)
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir()
    for case in range(4):
        pixels = random.integers(1, 1000, (24, 20, 16)).astype(np.int16)
        mask = np.zeros(pixels.shape, np.uint8)
        mask[8:16, 8:16, 8:16] = 1
        pixels[mask > 0] = 100 * case
        affine = np.diag([2.0, 2.0, 2.0, 1.0]) if case == 3 else np.eye(4)
        makers_nifti.save(folder / "imagesTr" / f"p{case}_0000.nii", pixels, affine)
        if case:
            makers_nifti.save(folder / "labelsTr" / f"p{case}.nii", mask, affine)
    (folder / "dataset.json").write_text(
        '{"labels": {"background": 0, "organ": 1}, "channel_names": {"0": "MRI"}, '
        '"file_ending": ".nii"}'
    )
    return auditing.audit(data.open(folder, truth="mask"), workers=0)


def test_cases_with_masks_are_summed_up(organs: Dataset) -> None:
    found = case_fingerprint(organs, workers=0)
    assert (found.examples, found.axes, found.channels) == (3, 3, 1)
    assert found.shapes == ((16, 20, 24),) * 3
    assert found.spacings_mm == ((1.0,) * 3, (1.0,) * 3, (2.0,) * 3)
    assert found.relative_size == 1
    # Foregrounds of 100, 200 and 300, as many values of each.
    assert (found.mean, found.median) == pytest.approx((200, 200))
    assert found.std == pytest.approx(np.std([100, 200, 300]))
    assert (found.minimum, found.low, found.high, found.maximum) == (100, 100, 300, 300)


def test_processes_find_the_same(organs: Dataset) -> None:
    assert case_fingerprint(organs, workers=1) == case_fingerprint(organs, 0)


def test_a_plan_is_made_of_files(organs: Dataset) -> None:
    plan = planning.plan(
        organs, Segmentation(organs.classes), machine=MINUTE, precision=None, epochs=3
    )
    assert plan.classes == ("background", "organ")
    assert plan.spacing_mm == (1, 1, 1)
    # 16 x 20 x 24 are halved twice: 16, 8, 4 slices; 20, 10, 5 rows; 24, 12, 6 columns.
    assert plan.patch_size == (16, 20, 24)
    assert plan.divisors == (4, 4, 4)
    assert plan.normalisation == "zscore"
    assert plan.reasons["epochs"] == "set by the user"
    assert plan.reasons["weights"] != "set by the user"


def test_a_part_without_masks_is_named(organs: Dataset) -> None:
    with pytest.raises(DataError, match="no masks: nothing to plan from"):
        case_fingerprint(organs.where(organs.table["mask"].isna()), workers=0)


def test_the_hippocampus_is_planned_as_nnunet_does(shared_data: Path) -> None:
    source = data.open(shared_data / "msd_hippocampus", truth="mask")
    audited = auditing.audit(source)
    machine = Machine(cores=2, seconds=2400, limited=True)
    plan = planning.plan(audited, Segmentation(audited.classes), machine=machine)
    assert plan.patch_size == (40, 56, 40)
    assert plan.spacing_mm == (1, 1, 1)
    assert plan.normalisation == "zscore"
    assert len(plan.features) == 4
    assert not plan.low_resolution
