"""How figures look."""

from __future__ import annotations

import matplotlib

from tfmed.evaluation import style


def test_rendering_leaves_matplotlibs_settings_alone() -> None:
    before = dict(matplotlib.rcParams)
    with style.styled():
        assert dict(matplotlib.rcParams) != before
    assert dict(matplotlib.rcParams) == before
