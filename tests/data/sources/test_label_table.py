"""Tables of labels beside images, and tables that list them."""

from __future__ import annotations

from pathlib import Path

import makers
import pytest

from tfmed import data
from tfmed.data.sources.label_table import NO_LABEL, NOT_IN_TABLE, TWO_LABELS
from tfmed.errors import ConfigError, DataError


def images(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        makers.raster(folder / name, makers.noise((4, 4), number))
    return folder


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def labels(dataset: data.Dataset) -> dict[str, str | None]:
    return dict(zip(dataset.table["id"], dataset.table["label"], strict=True))


def reasons(dataset: data.Dataset) -> dict[str, str]:
    return {Path(row.path).name: row.reason for row in dataset.rejects.itertuples()}


@pytest.mark.parametrize(
    "cell", ["sub/a.png", "a.png", "a", "./sub/a.png", "sub\\a.png", "old/place/sub/a.png"]
)
def test_a_row_may_name_its_file_in_many_ways(tmp_path: Path, cell: str) -> None:
    images(tmp_path / "scans", "sub/a.png", "b.png")
    table = write(tmp_path / "t.csv", "file,label", f"{cell},1", "b.png,0")
    assert labels(data.open(tmp_path / "scans", table=table)) == {"sub/a.png": "1", "b.png": "0"}


def test_the_column_of_files_is_found_by_its_content(tmp_path: Path) -> None:
    images(tmp_path / "scans", "a.png", "b.png")
    table = write(tmp_path / "t.csv", "Age,dicom_name,diagnosis", "60,a.png,x", "61,b.png,y")
    assert labels(data.open(tmp_path / "scans", table=table)) == {"a.png": "x", "b.png": "y"}


def test_semicolons_a_byte_order_mark_and_accents_are_understood(tmp_path: Path) -> None:
    images(tmp_path / "scans", "Müller 1.png")
    decomposed = "Mu\u0308ller 1.png"
    table = write(tmp_path / "t.csv", "\ufeffDatei;label", f"{decomposed};gesund")
    assert labels(data.open(tmp_path / "scans", table=table)) == {"Müller 1.png": "gesund"}


def test_rows_and_files_that_do_not_meet_are_rejects(tmp_path: Path) -> None:
    images(tmp_path / "scans", "a.png", "b.png", "c.png", "d.png", "1/e.png", "2/e.png")
    (tmp_path / "scans" / "README.txt").write_text("about")
    table = write(
        tmp_path / "scans" / "t.csv",
        "file,label",
        "a.png,1",
        "b.png,",
        "c.png,0",
        "c.png,1",
        "gone.png,0",
        "e.png,1",
    )
    dataset = data.open(tmp_path / "scans", table=table)
    assert labels(dataset) == {"a.png": "1"}
    said = reasons(dataset)
    assert said["b.png"] == NO_LABEL
    assert said["c.png"] == TWO_LABELS
    assert said["d.png"] == NOT_IN_TABLE
    assert "missing" in said["gone.png"]
    assert "README.txt" not in said
    assert "t.csv" not in said
    assert "2 files have this name" in set(dataset.rejects["reason"])


def test_several_rows_of_one_file_may_agree(tmp_path: Path) -> None:
    images(tmp_path / "scans", "a.png", "b.png")
    table = write(tmp_path / "t.csv", "file,label", "a.png,1", "a.png,1.0", "b.png,0")
    assert labels(data.open(tmp_path / "scans", table=table)) == {"a.png": "1", "b.png": "0"}


def test_several_label_columns_are_several_labels(tmp_path: Path) -> None:
    images(tmp_path, "a.png", "b.png", "c.png")
    table = write(tmp_path / "t.csv", "file,mass,edema", "a.png,1,1", "b.png,0,-1", "c.png,,")
    dataset = data.open(table, label_columns=("mass", "edema"))
    assert dataset.multi_label
    assert dataset.classes == ("mass", "edema")
    assert labels(dataset) == {"a.png": "mass|edema", "b.png": ""}
    assert list(dataset.table["unknown"]) == ["", "edema"]
    assert reasons(dataset) == {"c.png": NO_LABEL}


def test_one_column_of_joined_names_is_several_labels(tmp_path: Path) -> None:
    images(tmp_path, "a.png", "b.png")
    dataset = data.open(write(tmp_path / "t.csv", "file,label", "a.png,mass|edema", "b.png,mass"))
    assert dataset.multi_label
    assert dataset.classes == ("edema", "mass")


def test_patient_and_part_come_from_columns_with_usual_names(tmp_path: Path) -> None:
    images(tmp_path, "a.png", "b.png", "c.png")
    table = write(
        tmp_path / "t.csv",
        "file,label,Patient ID,Split",
        "a.png,1,P1,Training",
        "b.png,0,P2,test",
        "c.png,0,,val",
    )
    dataset = data.open(table)
    assert list(dataset.table["patient"]) == ["P1", "P2", "c.png"]
    assert list(dataset.table["patient_known"]) == [True, True, False]
    assert list(dataset.table["split"]) == ["train", "test", "val"]


def test_a_part_without_labels_stays_to_be_predicted(tmp_path: Path) -> None:
    images(tmp_path, "a.png", "b.png", "c.png")
    table = write(
        tmp_path / "t.csv", "file,label,split", "a.png,1,train", "b.png,,train", "c.png,,test"
    )
    dataset = data.open(table)
    assert labels(dataset) == {"a.png": "1", "c.png": None}
    assert reasons(dataset) == {"b.png": NO_LABEL}


def test_a_list_without_labels_is_to_predict(tmp_path: Path) -> None:
    images(tmp_path, "a.png")
    dataset = data.open(write(tmp_path / "t.csv", "file,age", "a.png,60"))
    assert not dataset.labelled
    assert "--label-column" in dataset.facts["no_labels"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"path_column": "fil"},
            r"no column 'fil'; did you mean 'file'\? \(its columns: file, lable",
        ),
        ({"label_columns": ("label",)}, r"did you mean 'lable'"),
        ({}, r"no column of .* is called label, .*--label-column"),
    ],
)
def test_a_column_that_is_not_there_names_those_that_are(tmp_path, options, message) -> None:
    images(tmp_path / "scans", "a.png")
    table = write(tmp_path / "t.csv", "file,lable,part", "a.png,1,train")
    with pytest.raises(ConfigError, match=message):
        data.open(tmp_path / "scans", table=table, **options)


def test_a_table_of_other_files_says_so(tmp_path: Path) -> None:
    images(tmp_path / "scans", "a.png")
    table = write(tmp_path / "t.csv", "file,label", "x.png,1")
    with pytest.raises(ConfigError, match="holds files below"):
        data.open(tmp_path / "scans", table=table)
    with pytest.raises(DataError, match=r"no row of .* fits a file"):
        data.open(tmp_path / "scans", table=table, path_column="file")


def test_a_wished_split_column_with_other_values_is_an_error(tmp_path: Path) -> None:
    images(tmp_path, "a.png", "b.png")
    table = write(tmp_path / "t.csv", "file,label,fold", "a.png,1,A", "b.png,0,B")
    with pytest.raises(DataError, match="holds 'A', 'B'; expected train, val or test"):
        data.open(table, split_column="fold")


def test_a_table_that_is_not_there_is_a_setting_error(tmp_path: Path) -> None:
    images(tmp_path, "a.png")
    with pytest.raises(ConfigError, match="there is no table"):
        data.open(tmp_path, table=tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("key", "level", "rows"),
    [
        ("SOPInstanceUID", "image", 4),
        ("SeriesInstanceUID", "series", 2),
        ("StudyInstanceUID", "study", 2),
        ("PatientID", "patient", 2),
    ],
)
def test_the_level_of_a_uid_decides_what_an_example_is(tmp_path, key, level, rows) -> None:
    import pydicom

    lines = [f"{key},label"]
    for patient in ("A", "B"):
        about = makers.Slice(patient=patient)
        volume = makers.noise((2, 6, 6), ord(patient), dtype="int16")
        for path in makers.series(tmp_path / "scans" / patient, volume, about):
            lines.append(f"{pydicom.dcmread(path)[key].value},{'AB'.index(patient)}")
    table = write(tmp_path / "t.csv", *dict.fromkeys(lines))
    dataset = data.open(tmp_path / "scans", table=table)
    assert len(dataset) == rows
    assert dataset.table["label"].value_counts().to_dict() == {"0": rows // 2, "1": rows // 2}
    as_images = data.open(tmp_path / "scans", table=table, unit="image")
    assert len(as_images) == 4


def test_the_real_table_of_ct_slices_is_read(shared_data: Path) -> None:
    folder = shared_data / "ct_contrast_dicom"
    dataset = data.open(
        folder / "dicom_dir",
        table=folder / "overview.csv",
        path_column="dicom_name",
        label_columns=("Contrast",),
    )
    assert len(dataset) == 64
    assert dataset.classes == ("False", "True")
    assert len(dataset.rejects) == 0
