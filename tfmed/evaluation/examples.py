"""Which images a reader should look at: the most confident right and wrong answers."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

COLUMNS = ["row", "right", "truth", "prediction", "of", "probability"]


def confident(
    predictions: pd.DataFrame, count: int = 6, *, multi_label: bool = False
) -> pd.DataFrame:
    """The most confident right and the most confident wrong answers, classes in turn.

    Each class (of those predicted) gives its most confident answer before any gives its
    second, so that a frequent class does not fill the page.

    Args:
        predictions: as `predictions.csv`: `truth`, `prediction`, `p_CLASS`...; rows without a
            known truth are left out. In multi-label both are classes joined by `|`, every class
            is judged apart, and `unknown` names those whose truth is not known.
        count: how many right ones, and how many wrong ones, at most.
        multi_label: an example may have several classes, or none.

    Returns:
        A row an answer: `row` (position in `predictions`, from 0), `right` (bool), `truth`,
        `prediction`, `of` (the class that is explained: the predicted one, or in multi-label
        the class that was found, or missed) and `probability` (of that class). Right ones
        first, each kind by falling confidence.
    """
    classes = [name[2:] for name in predictions.columns if name.startswith("p_")]
    judged = _multi(predictions, classes) if multi_label else _single(predictions)
    kinds = [_in_turn(judged[judged["right"] == right], count) for right in (True, False)]
    return pd.concat(kinds, ignore_index=True)[COLUMNS]


def _single(predictions: pd.DataFrame) -> pd.DataFrame:
    rows = [
        (row, truth == called, truth, called, called, p := float(values[f"p_{called}"]), p)
        for row, values in enumerate(predictions.to_dict("records"))
        if (truth := _text(values["truth"])) and (called := _text(values["prediction"]))
    ]
    return pd.DataFrame(rows, columns=[*COLUMNS, "confidence"])


def _multi(predictions: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    rows = []
    for row, values in enumerate(predictions.to_dict("records")):
        truth, called = _text(values["truth"]), _text(values["prediction"])
        blank = _text(values.get("unknown")).split("|")
        for name in classes:
            if name in blank:
                continue
            present, found = name in truth.split("|"), name in called.split("|")
            p = float(values[f"p_{name}"])
            # That a class is rightly not found is no news, and has no evidence to show.
            if found or present:
                sure = p if found else 1 - p
                rows.append((row, present == found, truth, called, name, p, sure))
    return pd.DataFrame(rows, columns=[*COLUMNS, "confidence"])


def _in_turn(judged: pd.DataFrame, count: int) -> pd.DataFrame:
    ordered = judged.sort_values(["confidence", "row"], ascending=[False, True])
    turn = ordered.groupby("of", sort=False).cumcount()
    chosen = ordered.assign(turn=turn).sort_values("turn", kind="stable").head(count)
    return chosen.sort_values(["confidence", "row"], ascending=[False, True])


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
