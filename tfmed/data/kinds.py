"""Whether a data set holds images, volumes or clips."""

from __future__ import annotations

from tfmed.data.dataset import Dataset
from tfmed.errors import DataError


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
