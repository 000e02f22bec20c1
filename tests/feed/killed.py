"""Run by test_image_store.py and killed: build slowly, saying when some images are written."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import pandas as pd

from tfmed import data, feed
from tfmed.feed import decoded, image_store
from tfmed.transforms import Preprocessing

SOME = 20


def slow_blocks(*arguments: object) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """As `decoded.blocks`, in small blocks and with time to be killed between them."""
    written = 0
    for rows, images in decoded.blocks(*arguments):
        for row, image in zip(rows, images, strict=True):
            yield row[np.newaxis], image[np.newaxis]
            written += 1
            if written == SOME:
                print("written", flush=True)
            if written >= SOME:
                time.sleep(0.1)


def main() -> None:
    """Build the cache of a pickled table in a folder."""
    dataset = data.Dataset(pd.read_pickle(sys.argv[1]), ("a",), "test")
    image_store.blocks = slow_blocks
    feed.build(dataset, Preprocessing(size=(6, 5), channels=1), Path(sys.argv[2]), workers=0)


if __name__ == "__main__":
    main()
