"""What the wheel holds, and that the tools' settings fit the folders."""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path

import pytest

import tfmed

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def setup_cfg() -> configparser.ConfigParser:
    """What setuptools reads."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_setup_cfg_lists_every_package() -> None:
    folders = sorted((ROOT / "tfmed").rglob("__init__.py"))
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in folders}
    listed = set(setup_cfg()["options"]["packages"].split())
    assert listed == found | {"tfmed.recipes"}


def test_every_file_that_is_not_code_is_in_the_wheel() -> None:
    patterns = setup_cfg()["options.package_data"]
    for path in (ROOT / "tfmed").rglob("*"):
        if path.is_dir() or path.suffix in (".py", ".pyc"):
            continue
        owner = next(up for up in path.parents if (up / "__init__.py").exists())
        package = ".".join(owner.relative_to(ROOT).parts)
        inside = path.relative_to(owner)
        globs = [glob.strip() for glob in patterns.get(package, "").split(",")]
        matched = any(glob and inside.match(glob) for glob in globs)
        assert matched, f"{path} is not in package_data"


def test_the_version_is_told_once_in_each_place() -> None:
    assert PROJECT["project"]["version"] == tfmed.__version__
    assert f"## {tfmed.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_lock_holds_every_dependency_and_no_place_of_this_machine() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"file://|https?://|@ |--find-links|--index-url| /", lock)
    project = PROJECT["project"]
    for wanted in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        name = re.split(r"[\[>=<]", wanted)[0].lower()
        assert re.search(rf"^{re.escape(name)}==", lock, re.MULTILINE), name


@pytest.mark.parametrize("path", sorted((ROOT / "pipelines").glob("*.toml")), ids=lambda p: p.stem)
def test_a_recipe_is_flat_and_says_its_command(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not any(isinstance(value, dict) for value in tomllib.loads(text).values())
    assert text.startswith("#"), "a recipe begins with its command, data, time and score"
    assert "tfmed " in text
