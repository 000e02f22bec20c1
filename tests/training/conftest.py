"""One tiny trained run for all tests of this folder."""

from __future__ import annotations

import pytest
from training import tiny

from tfmed.data.dataset import Dataset
from tfmed.run import Run


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Dataset, Dataset]:
    """Training, validation and test part."""
    return tiny.parts(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def fitted(
    parts: tuple[Dataset, Dataset, Dataset], tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """Trained on the first two parts; the third was not asked for yet."""
    return tiny.fitted(tmp_path_factory.mktemp("run"), parts)
