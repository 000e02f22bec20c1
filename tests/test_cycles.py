"""No module imports itself over others: not within a folder, and not over the whole package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tfmed

TOP = Path(tfmed.__file__).parent


def name_of(path: Path) -> str:
    """`tfmed/io/dicom.py` is `tfmed.io.dicom`, `tfmed/io/__init__.py` is `tfmed.io`."""
    parts = path.relative_to(TOP.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(TOP.rglob("*.py"))}


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All that runs, inside functions too; what is for type checkers alone does not."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from nodes(child)


def imports(path: Path) -> set[str]:
    """The modules of the package that a file imports anywhere."""
    found = set()
    for node in nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in MODULES else str(node.module) for name in names}
    return found & MODULES.keys()


IMPORTS = {name: imports(path) for name, path in MODULES.items()}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of one cycle in order, or none."""
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in done:
            for other in sorted(graph[name]):
                if found := walk(other, [*way, name]):
                    return found
            done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := walk(name, []))), [])


def within(folder: str) -> dict[str, set[str]]:
    """What the files and folders of a folder import of each other, each folder as one."""
    depth = folder.count(".") + 2

    def child(name: str) -> str:
        return ".".join(name.split(".")[:depth]) if name.startswith(f"{folder}.") else ""

    graph: dict[str, set[str]] = {child(name): set() for name in IMPORTS if child(name)}
    for name, others in IMPORTS.items():
        if mine := child(name):
            graph[mine] |= {child(other) for other in others} - {"", mine}
    return graph


@pytest.mark.parametrize(
    "folder", [name for name, path in MODULES.items() if path.name == "__init__.py"]
)
def test_no_cycle_in_a_folder(folder: str) -> None:
    found = circle(within(folder))
    assert not found, " imports ".join(found)


def test_no_cycle_among_all_modules() -> None:
    found = circle(IMPORTS)
    assert not found, " imports ".join(found)


def test_no_two_modules_of_one_name() -> None:
    fixed = {"__init__", "__main__", "task", "plan", "feed", "scores", "export", "page"}
    places: dict[str, list[str]] = {}
    for name, path in MODULES.items():
        # A command is called as the folder of what it does.
        if path.stem not in fixed and path.parent.name != "pipelines":
            places.setdefault(path.stem, []).append(name)
    twice = {stem: names for stem, names in places.items() if len(names) > 1}
    assert not twice


def test_no_two_classes_of_one_name() -> None:
    places: dict[str, list[str]] = {}
    for name, path in MODULES.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            # Each command has its Config.
            if isinstance(node, ast.ClassDef) and node.name != "Config":
                places.setdefault(node.name, []).append(name)
    assert not {name: where for name, where in places.items() if len(where) > 1}
