"""A trained network as a SavedModel and TFLite files, with a card, checksums and a proof.

Example:
    folder = export.saved_model(run, "savedmodels/pneumonia")     # savedmodels/pneumonia/1
    exported = export.load(folder)

The parts, for a predictor that no run of tfmed has trained:
    with export.release(Path("savedmodels/pneumonia")) as draft:
        write_saved_model(predictor, draft.folder)                # export.saved_model.write
        converted = tflite.write(predictor, draft.folder / "tflite", representative)
        card.write(draft.folder, card.make(predictor, "pneumonia", ...))
"""

from __future__ import annotations

from tfmed.export.delivery import saved_model, written
from tfmed.export.load import Exported, load
from tfmed.export.pixels import PixelCode
from tfmed.export.release import release
from tfmed.export.tail import Temperature

__all__ = [
    "Exported",
    "PixelCode",
    "Temperature",
    "load",
    "release",
    "saved_model",
    "written",
]
