"""What `import tfmed` gives, and what it does not load."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import tfmed

# These never load TensorFlow: an index and a --help are quick, and workers stay small.
LIGHT = ["config", "data", "errors", "image", "io", "log", "metrics", "run", "statistics", "task"]


def loaded_after(statement: str) -> list[str]:
    """Which of TensorFlow and Keras a fresh process has loaded after a statement."""
    code = (
        f"{statement}\nimport sys\nprint([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return eval(done.stdout)


@pytest.mark.parametrize("name", tfmed.SUBMODULES)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(tfmed, name) is importlib.import_module(f"tfmed.{name}")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'modles'"):
        _ = tfmed.modles


def test_every_package_but_the_commands_is_public() -> None:
    packages = Path(tfmed.__file__).parent.glob("*/__init__.py")
    assert {path.parent.name for path in packages} - {"pipelines"} <= set(tfmed.SUBMODULES)


def test_importing_the_light_half_does_not_load_tensorflow() -> None:
    names = ", ".join(f"tfmed.{name}" for name in LIGHT)
    assert loaded_after(f"import tfmed, {names}") == []


def test_listing_the_pipelines_does_not_load_tensorflow() -> None:
    assert (
        loaded_after(
            "import tfmed.__main__ as m, io, contextlib\n"
            "with contextlib.redirect_stdout(io.StringIO()): m.main([])"
        )
        == []
    )
