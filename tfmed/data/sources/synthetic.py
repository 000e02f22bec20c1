"""`synthetic:NAME`: drawn examples with known truth, written once as real files.

`nodules`: slices of chest CT as DICOM, some with a nodule in a lung.

`wrists`: radiographs of the hands of 1,536 patients with a bone age in years, as PNG.

`organs`: 150 images of 30 patients with masks of liver and kidney, as PNG. `organs3d`: volumes of
24 patients with masks of liver, lesions and a vessel, as NIfTI.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tfmed.data.dataset import Dataset
from tfmed.data.download import keep
from tfmed.data.sources import SOURCES
from tfmed.data.sources.wishes import Wishes
from tfmed.tables import lookup

# By truth, and name: what writes the examples of a seed into a folder, with a table at its top
# where the folders alone do not tell the truth or the patients.
DRAWN: dict[str, dict[str, str]] = {
    "label": {"nodules": "tfmed.data.sources.nodules:write"},
    "number": {"wrists": "tfmed.data.sources.wrists:write"},
    "mask": {
        "organs": "tfmed.data.sources.mask_phantom:write",
        "organs3d": "tfmed.data.sources.organs:write_training",
    },
}
TABLES = ("labels.csv", "cases.csv")
VERSION = 2  # a new number when what is drawn changes: older files are then not reused


def open_named(place: str, wishes: Wishes) -> Dataset:
    """The examples of a drawn set; they are drawn at the first time.

    Raises:
        ConfigError: no such set.
        DataError: the files cannot be written.
    """
    wishes.refuse_table("a synthetic source")
    wishes.refuse("a synthetic source", "classes")
    write = lookup(DRAWN[wishes.truth], place, f"synthetic set with a {wishes.truth}")
    kept = Path("synthetic") / f"{place}-{VERSION}-{wishes.seed}"
    folder = keep(kept, lambda aside: write(aside, wishes.seed))
    table = next((folder / name for name in TABLES if (folder / name).is_file()), None)
    reader = lookup(SOURCES[wishes.truth], "csv" if table else "folder", "source")
    dataset: Dataset = reader(str(table or folder), Wishes(truth=wishes.truth))
    facts = {"source": f"synthetic:{place}", "folder": str(folder), "licence": "Apache-2.0"}
    return replace(dataset, name=f"synthetic {place}").with_facts(**facts)
