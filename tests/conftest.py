"""What every test has: quiet libraries, a data folder of its own, the shared data if present."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest
from hypothesis import settings

# Before any test imports TensorFlow, as in the commands: oneDNN is on.
import tfmed  # noqa: F401

# The same examples each time, so that a red test stays red until it is mended.
settings.register_profile("tfmed", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("tfmed")

# Made once a test run, where a test asks for them.
pytest_plugins = ["shared_exports", "shared_runs"]

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def own_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep downloads and caches of the tests out of the user's home."""
    folder = tmp_path_factory.mktemp("tfmed-data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFMED_DATA", str(folder))
        yield folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the repository; a test that needs it skips without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the folder ../shared/data beside the repository")
    return SHARED_DATA
