"""The scans that settings name, listed. Apart from the stages, so that it needs no TensorFlow."""

from __future__ import annotations

from tfmed import data, log
from tfmed.data.dataset import Dataset
from tfmed.pipelines.flags import DataSettings


def open_data(settings: DataSettings, truth: str = "label", names: tuple[str, ...] = ()) -> Dataset:
    """List the examples that the settings name; no pixels are read yet.

    Args:
        settings: which scans.
        truth: what is known of them, a row of `tfmed.data.truth.TRUTHS`.
        names: of the truth's values, where they are masks.
    """
    dataset = data.open(
        settings.data,
        table=settings.table,
        path_column=settings.path_column,
        label_columns=settings.label_column,
        patient_column=settings.patient_column,
        split_column=settings.split_column,
        positive=settings.positives,
        unit=settings.unit,
        on_geometry=settings.on_geometry,
        seed=settings.seed,
        truth=truth,
        classes=names,
    )
    plural = "" if len(dataset) == 1 else "s"
    log.info(f"{len(dataset):,} example{plural} of {dataset.name}, reading each once")
    return dataset
