"""Messages and progress on standard error."""

from __future__ import annotations

import os

import pytest

from tfmed import log


def test_messages_go_to_standard_error_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    log.info("read 3 files [1, 2] :smile:")
    log.warning("slow")
    log.error("broken")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "read 3 files [1, 2] :smile:\nwarning: slow\nerror: broken\n"


def test_a_long_message_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.info("word " * 100)
    assert capsys.readouterr().err.count("\n") == 1


def test_progress_away_from_a_terminal_is_a_line_every_half_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(log.time, "monotonic", lambda: now[0])
    with log.progress(total=400, what="reading", unit="images") as bar:
        for _ in range(10):
            now[0] += 10
            bar.advance(10)
        bar.describe("nearly done")
    # 30 images after 30 s, 1 a second, so 370 s are left; and so on.
    assert capsys.readouterr().err.splitlines() == [
        "reading: 30/400, 1.0 images/s, 6:10 left",
        "reading: 60/400, 1.0 images/s, 5:40 left",
        "reading: 90/400, 1.0 images/s, 5:10 left",
    ]


def test_progress_over_an_iterable_counts_its_items() -> None:
    with log.progress(["a", "b"], what="reading") as bar:
        assert (bar.total, list(bar), bar.done) == (2, ["a", "b"], 2)


def test_progress_without_a_total_tells_what_is_done() -> None:
    with log.progress(what="reading", unit="files") as bar:
        bar.advance(3)
        assert bar.line().startswith("3 files, ")
        assert "left" not in bar.line()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (754, "12:34"), (3_725, "1:02:05")]
)
def test_time_left_reads_as_a_clock(seconds: float, text: str) -> None:
    assert log._clock(seconds) == text


def test_quiet_keeps_what_libraries_write(capfd: pytest.CaptureFixture[str]) -> None:
    with log.quiet():
        os.write(2, b"oneDNN is on\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_what_was_kept_quiet_stands_on_the_error() -> None:
    with pytest.raises(RuntimeError) as caught, log.quiet():
        os.write(2, b"the reason\n")
        raise RuntimeError
    assert "the reason" in caught.value.__notes__[0]
