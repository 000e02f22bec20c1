"""The operating point of a positive class, chosen on validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfmed import log
from tfmed.metrics import HALF, Threshold


def youden(truth: np.ndarray, scores: np.ndarray, what: str) -> float:
    """The threshold of the largest Youden J = sensitivity + specificity - 1 (Youden 1950).

    J does not change between two neighbouring scores, so the threshold is set in the middle of
    the gap between them, where a small shift of the scores changes least. Of cuts with equal J
    the widest gap is taken, then the one nearest to one half.

    Args:
        truth: `[N]`, 0 or 1; NaN is left out.
        scores: `[N]`, probability of the positive class; at the threshold and above is called.
        what: the class, for the warning.

    Returns:
        The threshold; one half, with a warning, where validation has only one of both values
        or no cut is better than chance.

    Example:
        >>> youden(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9]), "nodule")
        0.4
    """
    known = ~np.isnan(truth)
    positive, scores = truth[known] == 1, scores[known].astype(np.float64)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        log.warning(
            f"validation has no example {'of' if not positives else 'without'} {what}: its "
            f"operating point stays at {HALF}"
        )
        return HALF
    levels, member = np.unique(scores, return_inverse=True)
    below_positive = np.cumsum(np.bincount(member[positive], minlength=len(levels)))[:-1]
    below_negative = np.cumsum(np.bincount(member[~positive], minlength=len(levels)))[:-1]
    # J times positives times negatives: whole numbers, so that equal cuts compare equal.
    gain = below_negative * positives - below_positive * negatives
    if not len(gain) or gain.max() <= 0:
        log.warning(
            f"no operating point for {what} is better than chance on validation: it stays at {HALF}"
        )
        return HALF
    best = np.flatnonzero(gain == gain.max())
    gaps = levels[best + 1] - levels[best]
    middles = (levels[best] + levels[best + 1]) / 2
    choice = np.lexsort((np.abs(middles - HALF), -gaps))[0]
    # Between two neighbouring floats the middle may round down to the lower one.
    return float(max(middles[choice], np.nextafter(levels[best[choice]], np.inf)))


def mean(thresholds: Sequence[Threshold]) -> Threshold:
    """The operating point of averaged networks: the mean of theirs, None where there is none."""
    if any(threshold is None for threshold in thresholds):
        return None
    found = np.mean(np.asarray(thresholds, float), axis=0)
    return float(found) if found.ndim == 0 else [float(value) for value in found]
