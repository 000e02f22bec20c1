"""A file's display window, worked by hand from PS3.3 C.11.2.1.2."""

from __future__ import annotations

import pydicom
import pytest

from tfmed.io.dicom_window import window


@pytest.mark.parametrize(
    ("centre", "width", "function", "expected"),
    [
        (40, 400, None, (-160.0, 239.0)),
        (40, 400, "LINEAR_EXACT", (-160.0, 240.0)),
        (40, 400, "SIGMOID", (-160.0, 240.0)),
        ([40, -600], [400, 1500], None, (-160.0, 239.0)),
        (40, 1, None, None),
        (40, 0, None, None),
        (40, None, None, None),
    ],
)
def test_the_first_window_is_told(
    centre: object, width: object, function: str | None, expected: tuple[float, float] | None
) -> None:
    dataset = pydicom.Dataset()
    dataset.WindowCenter = centre
    if width is not None:
        dataset.WindowWidth = width
    if function:
        dataset.VOILUTFunction = function
    assert window(dataset) == expected
