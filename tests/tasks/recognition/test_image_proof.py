"""Proof that an export of whole examples answers as its networks do."""

import re

import numpy as np
import pytest
from export.samples import answers_of, ct_images, grey_images

from tfmed import export
from tfmed.errors import DataError, ExportError
from tfmed.export import parity, tflite
from tfmed.tasks.recognition import image_proof


@pytest.fixture(scope="module")
def compared(recognisers, whole):
    """Answers and images to the rows of the whole export of the grey network."""
    folder, _ = whole
    files = {variant: folder / "tflite" / f"{variant}.tflite" for variant in tflite.VARIANTS}
    exported = export.load(folder)
    return lambda live, images: image_proof.compare(
        recognisers["grey"], live, exported, files, images
    )


def test_every_form_is_compared(whole):
    _, rows = whole
    assert [row.name for row in rows] == [
        "keras", "serving_default", "serving_bytes", "classify",
        "tflite_float32", "tflite_float16", "tflite_dynamic", "tflite_int8",
    ]  # fmt: skip
    assert all(row.max_difference is not None for row in rows)
    assert [row.tolerance for row in rows] == [1e-4] * 5 + [1e-2, None, None]
    assert rows[2].note == "2 files as they are, 4 images as PNG"
    assert parity.judged(rows) == rows


def test_a_wrong_answer_fails_and_names_its_rows(compared, recognisers):
    images = grey_images(3)
    rows = compared(answers_of(recognisers["grey"], images) + np.float32(0.001), images)
    with pytest.raises(ExportError, match=r"keras .*serving_default .*tflite_float32") as caught:
        parity.judged(rows)
    assert "float16" not in str(caught.value)


def test_what_is_not_a_number_fails():
    row = parity.compared("cache", np.array([[0.5, np.nan]]), np.array([[0.5, np.nan]]))
    with pytest.raises(ExportError, match=re.escape("cache differs by inf (allowed 0.0001)")):
        parity.judged([row])
    with pytest.raises(ExportError, match="cache"):
        parity.judged([parity.Row("cache", float("nan"))])


def test_pixels_that_no_png_holds_are_left_out_and_said(compared, recognisers):
    images = [image + 0.5 for image in grey_images(2)] + grey_images(1)
    live = answers_of(recognisers["grey"], images)
    rows = {row.name: row for row in compared(live, images)}
    assert rows["serving_bytes"].max_difference <= 1e-4
    assert "2 images left out: values are not whole steps" in rows["serving_bytes"].note
    rows = compared(live[:1], images[:1])
    assert rows[2].max_difference is None and rows[2].passed


def test_there_are_as_many_images_as_answers(compared):
    for live, images in ((np.zeros((2, 2)), grey_images(1)), (np.zeros((0, 2)), [])):
        with pytest.raises(DataError, match="as many images as answers"):
            compared(live, images)


@pytest.mark.parametrize("name", ["ct", "colour"])
def test_folds_and_percentile_windows_convert(recognisers, loaded, tmp_path, name):
    predictor = recognisers[name]
    images = ct_images(4) if name == "ct" else [
        np.random.default_rng(i).integers(0, 200, (30, 21, 3), dtype=np.uint8) for i in range(4)
    ]  # fmt: skip
    sample = np.random.default_rng(0).uniform(-200, 255, (10, *predictor.input_shape))
    converted = tflite.write(predictor, tmp_path, sample.astype(np.float32))
    assert sorted(converted.bytes) == sorted(tflite.VARIANTS) and not converted.failed
    files = {variant: tmp_path / f"{variant}.tflite" for variant in converted.bytes}
    live = answers_of(predictor, images)
    rows = image_proof.compare(predictor, live, loaded[name], files, images)
    assert all(row.passed for row in rows)
    assert rows[-1].name == "tflite_int8" and rows[-1].max_difference < 0.1


def test_of_volumes_no_files_are_sent_and_those_that_were_not_written_are_said(recognisers, loaded):
    volumes = [np.random.default_rng(i).uniform(0, 255, (5 + i, 11, 9, 1)) for i in range(2)]
    live = answers_of(recognisers["volume"], volumes)
    rows = image_proof.compare(recognisers["volume"], live, loaded["volume"], {}, volumes)
    said = {row.name: row.note for row in parity.judged(rows) if row.max_difference is None}
    assert said.pop("serving_bytes") == "PNG and JPEG carry no volumes"
    assert said == {f"tflite_{variant}": "not written" for variant in tflite.VARIANTS}
