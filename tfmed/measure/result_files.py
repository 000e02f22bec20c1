"""What was measured as files: CSV for spreadsheets, JSON with the meaning of every column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from tfmed.measure.definitions import OBJECTS, STRUCTURES, Column, unit_of, units
from tfmed.measure.measurement import Measured
from tfmed.run import REJECT_COLUMNS, Run

WHOLE = ("count", "index")


def write(run: Run, results: Sequence[Measured]) -> None:
    """Write `objects.csv`, `structures.csv`, `rejects.csv` and `measures.json`.

    What is undefined is an empty cell in CSV and null in JSON, never 0.

    Args:
        run: the folder.
        results: of all files.
    """
    kinds = {(one.about["unit"], len(one.about["shape"])) for one in results if one.about}
    objects = [row for one in results for row in one.objects]
    structures = [row for one in results for row in one.structures]
    run.write_table("objects.csv", table(objects, OBJECTS, kinds))
    run.write_table("structures.csv", table(structures, STRUCTURES, kinds))
    rejects = [reject for one in results for reject in one.rejects]
    run.write_table("rejects.csv", pd.DataFrame(rejects, columns=REJECT_COLUMNS))
    run.write_json(
        "measures.json",
        {
            "units": {
                "mm": "millimetres, by the spacing of the file or of --spacing-mm",
                "px": "pixels or voxels, where no spacing is known",
            },
            "undefined": "null: of too few voxels, of no image, or not of this kind of mask",
            "columns": {
                "objects": described(OBJECTS, kinds),
                "structures": described(STRUCTURES, kinds),
            },
            "files": [one.about for one in results if one.about],
            "structures": structures,
            "objects": objects,
        },
    )


def table(
    rows: Sequence[Mapping[str, Any]],
    wanted: tuple[Column, ...],
    kinds: Iterable[tuple[str, int]] = (),
) -> pd.DataFrame:
    """Rows as a table, its columns in the order of the definitions; counts stay whole.

    Args:
        rows: by full names.
        wanted: the columns.
        kinds: unit and number of axes of the masks; without any, volumes in mm.
    """
    every = sorted(kinds) or [("mm", 3)]
    full: dict[str, str] = {}
    for column in wanted:
        for unit, axes in every:
            if column.axes in (0, axes):
                full[units((column,), unit, axes)[column.name]] = column.kind
    made = pd.DataFrame(list(rows), columns=list(full))
    for name, kind in full.items():
        if kind in WHOLE and not name.startswith("centroid"):
            made[name] = made[name].astype("Int64")
    return made


def described(
    wanted: tuple[Column, ...], kinds: Iterable[tuple[str, int]]
) -> dict[str, dict[str, str]]:
    """Unit and meaning of each column, by its full name."""
    found = {}
    for column in wanted:
        for unit, axes in sorted(kinds):
            if column.axes in (0, axes):
                full = units((column,), unit, axes)[column.name]
                own = unit_of(column, unit, axes)
                found[full] = {"unit": own, "meaning": column.meaning}
    return found
