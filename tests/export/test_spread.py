"""Some of many rows."""

import numpy as np

from tfmed.export.spread import spread


def test_rows_are_evenly_spread_from_the_first_to_the_last():
    rows = np.arange(100, 201)
    assert spread(rows, 5).tolist() == [100, 125, 150, 175, 200]


def test_few_rows_are_all_of_them():
    assert spread(np.array([7, 3]), 2).tolist() == [7, 3]
