"""`Examples`: images as training reads them, with their truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfmed import feed
from tfmed.data.dataset import Dataset


@dataclass(frozen=True, eq=False)
class Examples:
    """Images as training reads them, with their data set; keeps the contract `ExampleStore`.

    Attributes:
        dataset: the examples.
        images: cached, row for row.
    """

    dataset: Dataset
    images: feed.Store

    def __len__(self) -> int:
        return len(self.dataset)

    def take(self, rows: np.ndarray) -> Examples:
        """Those at some positions."""
        table = self.dataset.table.iloc[np.arange(len(self))[rows]]
        return Examples(self.dataset.with_table(table), self.images.take(rows))
