"""From a network on patches to the label map of a whole case, in the case's own geometry.

A network is any callable of TensorFlow from normalised patches to probabilities, so that a Keras
model and a SavedModel are served by the same code.
"""

from tfmed.inference.components import clean_up, keep_largest
from tfmed.inference.ensemble import Ensemble, Network, network
from tfmed.inference.slide import slide
from tfmed.inference.whole_case import InferenceSettings, segment

__all__ = [
    "Ensemble",
    "InferenceSettings",
    "Network",
    "clean_up",
    "keep_largest",
    "network",
    "segment",
    "slide",
]
