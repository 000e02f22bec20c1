"""Version folders: whole or not there."""

import os

import pytest

from tfmed import export
from tfmed.errors import ExportError
from tfmed.export.release import release, verify_checksums, versions


def test_versions_count_up_and_old_ones_stay(tmp_path):
    for number in (1, 2, 3):
        with release(tmp_path / "m") as draft:
            (draft.folder / "saved_model.pb").write_text(str(number))
            assert not draft.folder.name.isdecimal()
        assert draft.path == tmp_path / "m" / str(number)
    assert versions(tmp_path / "m") == [1, 2, 3]
    assert (tmp_path / "m" / "1" / "saved_model.pb").read_text() == "1"


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(ExportError), release(tmp_path / "m") as draft:
        (draft.folder / "saved_model.pb").write_text("half")
        raise ExportError("parity")
    assert list((tmp_path / "m").iterdir()) == []


def test_what_a_killed_process_left_is_swept(tmp_path):
    with release(tmp_path / "m") as draft:
        own = draft.folder.name
    dead = own.replace(str(os.getpid()), "999999999")
    (tmp_path / "m" / dead).mkdir()
    with release(tmp_path / "m"):
        assert not (tmp_path / "m" / dead).exists()
    assert versions(tmp_path / "m") == [1, 2]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="cannot write"), release(tmp_path / "file" / "m"):
        pass


def test_a_changed_missing_or_added_file_is_found(tmp_path):
    with release(tmp_path / "m") as draft:
        (draft.folder / "saved_model.pb").write_text("graph")
        (draft.folder / "variables").mkdir()
        (draft.folder / "variables" / "variables.index").write_text("index")
    verify_checksums(draft.path)
    (draft.path / "variables" / "more").write_text("")
    with pytest.raises(ExportError, match="more"):
        verify_checksums(draft.path)
    (draft.path / "variables" / "more").unlink()
    (draft.path / "saved_model.pb").write_text("other")
    with pytest.raises(ExportError, match=r"saved_model\.pb"):
        verify_checksums(draft.path)
    (draft.path / "saved_model.pb").unlink()
    with pytest.raises(ExportError):
        export.load(draft.path)


def test_a_checksum_list_cannot_point_outside(tmp_path):
    with release(tmp_path / "m") as draft:
        (draft.folder / "saved_model.pb").write_text("graph")
    sums = draft.path / "SHA256SUMS"
    sums.write_text(sums.read_text() + "0" * 64 + "  ../../secret\n")
    with pytest.raises(ExportError, match="secret"):
        verify_checksums(draft.path)


def test_a_folder_that_is_no_export_says_so(tmp_path):
    with pytest.raises(ExportError, match="not an export"):
        export.load(tmp_path)


def test_the_newest_version_is_loaded_from_the_name(exports):
    assert export.load(exports["grey"].parent).folder == exports["grey"]
