"""Run by test_case_store.py and killed: build, saying when the image of a third is written."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, str(Path(__file__).parents[1]))

import makers_volumes as volumes
import numpy as np
import pandas as pd

from tfmed import data, feed
from tfmed.feed import records
from tfmed.transforms import Normalisation


def main() -> None:
    """Build the cases of a pickled table in a folder, and stand still within the third."""
    facts = {"masks": volumes.MASKS}
    dataset = data.Dataset(pd.read_pickle(sys.argv[1]), volumes.CLASSES, "test", facts=facts)
    write, written = records.Writer.write, []

    def slow(writer: records.Writer, number: int, record: np.ndarray) -> None:
        write(writer, number, record)
        written.append(number)
        if len(written) == 7:
            print("written", flush=True)
            time.sleep(600)

    records.Writer.write = slow
    rule = Normalisation("zscore")
    folder = Path(sys.argv[2])
    feed.build_cases(dataset, spacing_mm=(1, 1, 1), normalisation=rule, folder=folder, workers=0)


if __name__ == "__main__":
    main()
