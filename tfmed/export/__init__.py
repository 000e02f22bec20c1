"""A trained classifier as a SavedModel and TFLite files, with a card, checksums and a proof.

Example:
    with export.release(Path("savedmodels/pneumonia")) as draft:
        saved_model.write(classifier, draft.folder)
        converted = tflite.write(classifier, draft.folder / "tflite", representative)
        rows = parity.check(classifier, draft.folder, live, images)
        card.write(draft.folder, card.make(classifier, "pneumonia", ...))
    exported = export.load(draft.path)      # savedmodels/pneumonia/1
"""

from __future__ import annotations

from tfmed.export.classifier import Classifier, PixelCode, Temperature
from tfmed.export.load import Exported, load
from tfmed.export.release import release

__all__ = ["Classifier", "Exported", "PixelCode", "Temperature", "load", "release"]
