"""A trained network as a SavedModel and TFLite files, with a card, checksums and a proof.

Example:
    folder = export.saved_model(run, "savedmodels/pneumonia")     # savedmodels/pneumonia/1
    exported = export.load(folder)

The parts, for a network that no run of tfmed has trained:
    with export.release(Path("savedmodels/pneumonia")) as draft:
        write_saved_model(classifier, draft.folder)               # export.saved_model.write
        converted = tflite.write(classifier, draft.folder / "tflite", representative)
        rows = classifier_parity.check(classifier, draft.folder, live, images)
        card.write(draft.folder, card.make(classifier, "pneumonia", ...))
"""

from __future__ import annotations

from tfmed.export.classifier import Classifier, Temperature
from tfmed.export.classifier_delivery import classifier_of
from tfmed.export.delivery import saved_model, written
from tfmed.export.load import Exported, load
from tfmed.export.pixels import PixelCode
from tfmed.export.release import release

__all__ = ["Classifier", "Exported", "PixelCode", "Temperature"]
__all__ += ["classifier_of", "load", "release", "saved_model", "written"]
