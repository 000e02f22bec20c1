"""Labels of data that a trained classifier is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from tfmed import log
from tfmed.data.dataset import Dataset
from tfmed.errors import DataError


def known(dataset: Dataset, classes: Sequence[str], scored: bool) -> Dataset:
    """The data with labels that a model knows, or none where they are not scored.

    Raises:
        DataError: a label that the model does not know, where it is scored.
    """
    unknown = [name for name in dataset.classes if name not in classes]
    if not dataset.labelled or not unknown:
        return dataset
    if scored:
        raise DataError(
            f"the data has the class {unknown[0]!r}, the model knows {', '.join(classes)}; name "
            "the classes as the model does, or join them with --positive"
        )
    log.warning(f"{unknown[0]!r} is no class of the model: the labels of the data are left away")
    bare = pd.Series(None, index=dataset.table.index, dtype=dataset.table["label"].dtype)
    return replace(dataset.with_table(dataset.table.assign(label=bare)), classes=())
