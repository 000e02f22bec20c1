"""Where examples come from: what opens each kind of source, by the truth that is asked of it."""

from __future__ import annotations

__all__ = ["SOURCES"]

# Kind of source: what opens it, called with the place (a name or a path) and the wishes.
_VALUES = {
    "medmnist": "tfmed.data.sources.medmnist:open_named",
    "tfds": "tfmed.data.sources.tfds:open_named",
    "synthetic": "tfmed.data.sources.synthetic:open_named",
    "npz": "tfmed.data.sources.medmnist:open_file",
    "csv": "tfmed.data.sources.label_table:open_file",
    "folder": "tfmed.data.sources.folder:open_folder",
    "file": "tfmed.data.sources.folder:open_file",
}
_MASKS = {
    "synthetic": "tfmed.data.sources.synthetic:open_named",
    "csv": "tfmed.data.sources.mask_table:open_file",
    "folder": "tfmed.data.sources.mask_folder:open_folder",
}
# A row of `tfmed.data.truth.TRUTHS`: the sources that know such.
SOURCES = {"label": _VALUES, "number": _VALUES, "mask": _MASKS}
