"""A name stands for one idea in the whole package."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import tfmed

ROOT = Path(tfmed.__file__).parent
# Each folder of a task has these files, of which the contract names the parts.
OF_EVERY_TASK = {"task", "plan", "feed", "scores", "export", "page"}
# The settings of each command, over the one that tells how they are read.
OF_EVERY_COMMAND = {"Config"}


def name_of(path: Path) -> str | None:
    """The name by which a module or package is imported, where it must be the only one."""
    folder = path.relative_to(ROOT).parts[:-1]
    if path.stem.startswith("__"):
        return path.parent.name if path.stem == "__init__" and folder else None
    if folder[:1] == ("tasks",) and len(folder) > 1 and path.stem in OF_EVERY_TASK:
        return None
    if folder == ("pipelines",) and (ROOT / path.stem).is_dir():
        return None
    return path.stem


def twins(found: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: places for name, places in found.items() if len(places) > 1}


def test_no_two_modules_have_one_name() -> None:
    found = defaultdict(list)
    for path in sorted(ROOT.rglob("*.py")):
        if name := name_of(path):
            found[name].append(str(path.relative_to(ROOT)))
    assert len(found) > 100
    assert twins(found) == {}


def test_no_two_classes_have_one_name() -> None:
    found = defaultdict(list)
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name not in OF_EVERY_COMMAND:
                found[node.name].append(str(path.relative_to(ROOT)))
    assert len(found) > 50
    assert twins(found) == {}
