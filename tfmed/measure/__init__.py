"""Masks to numbers with units: size, shape, diameters, centre lines, intensities, outlines.

NumPy, SciPy and scikit-image. `measurement.measure` measures a file, `measurement.find` a label map
in memory; `definitions` tells what each figure means.
"""

from tfmed.measure.label_maps import Mask, read
from tfmed.measure.measurement import MaskFile, Measured, find, measure

__all__ = ["Mask", "MaskFile", "Measured", "find", "measure", "read"]
