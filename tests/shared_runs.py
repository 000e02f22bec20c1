"""One trained run of each task for all tests that only ask it; who changes it takes a copy."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tfmed.run import Run


def copy(run: Run, folder: Path) -> Run:
    """A run of one's own, of the same scans.

    Args:
        run: what is copied.
        folder: that does not exist yet.
    """
    from tfmed.run import Run

    return Run(shutil.copytree(run.folder, folder))


@pytest.fixture(scope="session")
def classifier_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Bright and dark images of `training.tiny`, trained, and the test part answered."""
    from training import tiny

    from tfmed import training

    parts = tiny.parts(tmp_path_factory.mktemp("scans of Zoë"))
    run = tiny.fitted(tmp_path_factory.mktemp("run"), parts)
    training.predict(run, parts[2])
    return run


@pytest.fixture(scope="session")
def segmenter_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Discs of `training.masked`, trained; windows of 16 x 16 in images of 24 x 24."""
    from training import masked

    from tfmed import training
    from tfmed.tasks import Segmentation

    train, valid, _ = masked.parts(tmp_path_factory.mktemp("scans of Zoë") / "data")
    plan, task = masked.planned(), Segmentation(masked.CLASSES)
    return training.fit(
        lambda: task.networks(plan), task, train, valid, plan=plan,
        folder=tmp_path_factory.mktemp("run"),
    )  # fmt: skip
