"""Masks to numbers with units: size, shape, diameters, centre lines, intensities, outlines.

NumPy, SciPy and scikit-image. `measured.measure` measures a file, `measured.find` a label map in
memory; `columns` tells what each figure means.
"""

from tfmed.measure.masks import Mask, read
from tfmed.measure.measured import Measured, Task, find, measure

__all__ = ["Mask", "Measured", "Task", "find", "measure", "read"]
