"""Reading image files: pixels in modality units from any format in `READERS`; NumPy only."""

from tfmed.io.formats import sniff
from tfmed.io.reading import READERS, read
from tfmed.io.series import read_series

__all__ = ["READERS", "read", "read_series", "sniff"]
