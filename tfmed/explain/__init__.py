"""Where a network looks: heat maps and their drawing over the image."""

from __future__ import annotations

from tfmed.explain.gradcam import feature_layer, gradcam
from tfmed.explain.masks import segmentation, segmented_case
from tfmed.explain.overlay import display, overlay, peak_slice

__all__ = [
    "display",
    "feature_layer",
    "gradcam",
    "overlay",
    "peak_slice",
    "segmentation",
    "segmented_case",
]
