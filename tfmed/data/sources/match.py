"""Which file a table's cell means: by path, by name or by stem."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from tfmed.data.walk import stem, walk

MISSING = "the file is missing, but the table has a row for it"
LOOKED_AT = 50  # cells of a column that are tried as files


class Files:
    """The files that a table may mean.

    Args:
        root: what relative paths start from.
        listed: the files; None to look at single paths first, and to list `root` only when
            one of them is not found so.
    """

    def __init__(self, root: Path, listed: Sequence[Path] | None = None) -> None:
        self.root = root
        self._by_path: dict[str, Path] | None = None
        self._by_name: defaultdict[str, list[Path]] = defaultdict(list)
        self._by_stem: defaultdict[str, list[Path]] = defaultdict(list)
        if listed is not None:
            self._list(listed)

    @property
    def all(self) -> list[Path]:
        """Every file, listed now if that has not been done."""
        if self._by_path is None:
            self._list(walk(self.root))
        return list((self._by_path or {}).values())

    def find(self, cell: str) -> Path | str:
        """The file that a cell means, or why there is none.

        A path may be absolute or start in any folder above the file; separators of Windows
        and letters composed in another way are understood.
        """
        text = _key(cell.strip().replace("\\", "/"))
        if self._by_path is None:
            direct = self.root / text
            if direct.is_file():
                return direct
            self._list(walk(self.root))
        parts = PurePosixPath(text).parts
        for start in range(len(parts)):
            found = (self._by_path or {}).get("/".join(parts[start:]))
            if found is not None:
                return found
        name = parts[-1] if parts else ""
        for known in (self._by_name[name], self._by_stem[name], self._by_stem[stem(name)]):
            if known:
                return known[0] if len(known) == 1 else f"{len(known)} files have this name"
        return MISSING

    def inside(self, path: Path) -> Path:
        """A file's path below the root, or as it is where it lies elsewhere."""
        return path.relative_to(self.root) if path.is_relative_to(self.root) else path

    def share(self, cells: Iterable[str]) -> float:
        """The share of the first cells that are files, 0 to 1; empty cells do not count."""
        some = list(dict.fromkeys(cell for cell in cells if cell.strip()))[:LOOKED_AT]
        found = sum(isinstance(self.find(cell), Path) for cell in some)
        return found / len(some) if some else 0.0

    def _list(self, files: Sequence[Path]) -> None:
        self._by_path = {}
        for path in files:
            self._by_path[_key(self.inside(path).as_posix())] = path
            self._by_name[_key(path.name)].append(path)
            self._by_stem[stem(_key(path.name))].append(path)


def _key(text: str) -> str:
    """One form of letters with accents: macOS writes them in two parts, tables in one."""
    return unicodedata.normalize("NFC", text)
