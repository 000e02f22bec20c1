"""Settings refuse what cannot be trained with."""

from __future__ import annotations

import math

import pytest

from tfmed.errors import ConfigError
from tfmed.training import Settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"optimizer": "lion"},
        {"precision": "float64"},
        {"epochs": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"ema_decay": 1.0},
        {"watch_decay": 1.0},
        {"warmup_share": 1.0},
        {"max_minutes": 0.0},
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Settings(**wrong)  # type: ignore[arg-type]


def test_better_goes_by_the_direction_and_nan_is_worst() -> None:
    up, down = Settings(), Settings(watch="loss", larger_is_better=False)
    assert up.is_better(0.9, 0.8) and not up.is_better(0.8, 0.8)
    assert down.is_better(0.8, 0.9) and not down.is_better(0.9, 0.8)
    assert up.is_better(0.1, math.nan) and not up.is_better(math.nan, 0.1)
