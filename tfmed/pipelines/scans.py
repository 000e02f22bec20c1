"""The scans that settings name, listed. Apart from the stages, so that it needs no TensorFlow."""

from __future__ import annotations

from tfmed import data, log
from tfmed.data.dataset import Dataset
from tfmed.pipelines.settings import DataSettings


def open_data(settings: DataSettings) -> Dataset:
    """List the examples that the settings name; no pixels are read yet."""
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
    )
    plural = "" if len(dataset) == 1 else "s"
    log.info(f"{len(dataset):,} example{plural} of {dataset.name}, reading each once")
    return dataset
