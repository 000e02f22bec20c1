"""The scans that settings name, listed. Apart from the stages, so that it needs no TensorFlow."""

from __future__ import annotations

from tfmed import data, log
from tfmed.data.dataset import Dataset
from tfmed.errors import DataError
from tfmed.pipelines.settings import DataSettings


def open_data(settings: DataSettings, classes: tuple[str, ...] | None = None) -> Dataset:
    """List the examples that the settings name; no pixels are read yet.

    Args:
        settings: which scans.
        classes: names of the masks' values, where images with masks are meant.
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
        truth="label" if classes is None else "mask",
        classes=classes or (),
    )
    plural = "" if len(dataset) == 1 else "s"
    log.info(f"{len(dataset):,} example{plural} of {dataset.name}, reading each once")
    return dataset


def check_kind(dataset: Dataset, wanted: str) -> None:
    """Refuse slices for a model of volumes, volumes for one of clips, and the like.

    Args:
        dataset: audited, so that one kind is in it.
        wanted: `"images"`, `"volumes"` or `"clips"`.

    Raises:
        DataError: it holds another kind.
    """
    came = "volumes" if (dataset.table["depth"] > 1).any() else "images"
    came = "clips" if dataset.table["clip"].any() else came
    if came == wanted:
        return
    said = f"the model answers for {wanted}, {dataset.name} holds {came}"
    if {came, wanted} == {"images", "volumes"}:
        unit = "image" if wanted == "images" else "series"
        said += f"; of DICOM, --unit {unit} makes {wanted}"
    raise DataError(said)
