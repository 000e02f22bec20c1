"""A trained classifier as a SavedModel and TFLite files, with a card, checksums and a proof.

    with export.release(Path("savedmodels/pneumonia")) as draft:
        saved_model.write(classifier, draft.folder)
        converted = tflite.write(classifier, draft.folder / "tflite", representative)
        rows = parity.check(classifier, draft.folder, live, cases)
        card.write(draft.folder, card.make(classifier, ...))
    print(draft.path)                       # savedmodels/pneumonia/1
"""

from __future__ import annotations

from tfmed.export.classifier import Classifier, PixelCode, Temperature
from tfmed.export.release import release

__all__ = ["Classifier", "PixelCode", "Temperature", "release"]
