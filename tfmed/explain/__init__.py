"""Where a network looks: heat maps and their drawing over the image."""

from __future__ import annotations

from tfmed.explain.gradcam import feature_layer, gradcam
from tfmed.explain.overlay import display, overlay, peak_slice
from tfmed.explain.regions import case_heat, region_heat

__all__ = [
    "case_heat",
    "display",
    "feature_layer",
    "gradcam",
    "overlay",
    "peak_slice",
    "region_heat",
]
