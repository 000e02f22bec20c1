"""One download: whole and checked, or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tfmed.data import download
from tfmed.errors import DataError

CONTENT = b"some data" * 1000


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFMED_DATA", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    return tmp_path / "home"


def served(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "served").write_bytes(CONTENT)
    return (tmp_path / "served").as_uri(), hashlib.md5(CONTENT).hexdigest()


def test_home_is_the_variable_or_a_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert download.home() == home
    monkeypatch.delenv("TFMED_DATA")
    assert download.home() == home.parent / "user" / ".cache" / "tfmed"


def test_a_file_is_kept_when_its_checksum_is_right(home: Path, tmp_path: Path) -> None:
    url, checksum = served(tmp_path)
    path = download.fetch(url, Path("a/b.npz"), checksum)
    assert path == home / "a" / "b.npz"
    assert path.read_bytes() == CONTENT
    (tmp_path / "served").unlink()
    assert download.fetch(url, Path("a/b.npz"), checksum) == path, "downloaded twice"


def test_a_wrong_checksum_leaves_nothing_and_names_both(home: Path, tmp_path: Path) -> None:
    url, checksum = served(tmp_path)
    with pytest.raises(DataError, match=f"MD5 {checksum}, expected 0000"):
        download.fetch(url, Path("b.npz"), "0000")
    assert list(home.iterdir()) == []


def test_a_failed_download_says_where_to_put_the_file_by_hand(home: Path, tmp_path: Path) -> None:
    url = (tmp_path / "gone").as_uri()
    with pytest.raises(DataError, match="cannot download") as caught:
        download.fetch(url, Path("b.npz"), "0")
    assert url in str(caught.value)
    assert str(home / "b.npz") in str(caught.value)
    assert list(home.iterdir()) == []


def test_what_fails_half_way_is_not_kept(home: Path) -> None:
    def fail(aside: Path) -> None:
        aside.mkdir()
        (aside / "one").write_text("1")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download.keep(Path("set"), fail)
    assert list(home.iterdir()) == []


def test_the_first_of_two_makers_wins(home: Path) -> None:
    def slow(aside: Path) -> None:
        aside.mkdir()
        (aside / "mine").touch()
        (home / "set").mkdir()
        (home / "set" / "theirs").touch()

    assert [path.name for path in download.keep(Path("set"), slow).iterdir()] == ["theirs"]


def test_where_home_cannot_be_made_the_cache_keeps_it(home: Path) -> None:
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file, not a folder")
    kept = download.keep(Path("a"), lambda aside: aside.write_text("x"))
    assert kept == home.parent / "user" / ".cache" / "tfmed" / "a"
    (home.parent / "user").rename(home.parent / "elsewhere")
    (home.parent / "user").write_text("a file too")
    with pytest.raises(DataError, match="set TFMED_DATA to another folder"):
        download.keep(Path("b"), lambda aside: aside.write_text("x"))
