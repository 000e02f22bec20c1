"""Temperature scaling: one number that makes probabilities mean what they say."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from tfmed import log
from tfmed.errors import DataError

LEAST, MOST = 0.05, 20.0


def fit_temperature(logits: np.ndarray, targets: np.ndarray, multi_label: bool) -> float:
    """Find the temperature T that makes `logits / T` most likely on validation data.

    The negative log likelihood has one minimum over log T, because it is convex in 1 / T. The
    order of the scores, and so AUROC, does not change.

    Where T is not defined, a warning tells and this is done:

    * no known row, or rows of one class only: 1.0, which leaves the probabilities alone;
    * every row right (likelihood then grows for ever as T falls): the targets are replaced by
      the rule of succession, `(n + 1) / (n + K)` for a class seen n times, as Platt does;
    * the minimum lies outside `[0.05, 20]`: the nearer bound.

    Args:
        logits: float `[N, K]`, of rows that training has not seen.
        targets: float `[N, K]`, one-hot or 0-1; in multi-label NaN is unknown and masked. In
            single-label a row with NaN is left out.
        multi_label: sigmoids of each column, rather than a softmax over a row.

    Returns:
        T in `[0.05, 20]`; above 1 the network was too sure of itself.

    Raises:
        DataError: shapes differ, or a logit is not finite.

    Source:
        Guo et al., On Calibration of Modern Neural Networks, ICML 2017; Platt, Probabilistic
        Outputs for Support Vector Machines, 1999 (the smoothed targets).
    """
    logits, targets = np.asarray(logits, np.float64), np.asarray(targets, np.float64)
    if logits.shape != targets.shape or logits.ndim != 2:
        raise DataError(f"logits {logits.shape} and targets {targets.shape} are not both [N, K]")
    if not np.isfinite(logits).all():
        raise DataError("a logit on validation is not finite: the network has not trained")
    if not multi_label:
        known = np.isfinite(targets).all(axis=1)
        logits, targets = logits[known], targets[known]
    if not _has_two_outcomes(targets, multi_label):
        log.warning("temperature: validation has fewer than two classes; 1.0 is used")
        return 1.0
    if _separated(logits, targets, multi_label):
        log.warning("temperature: validation has no error; targets are smoothed (Platt 1999)")
        targets = _smoothed(targets, multi_label)
    return _minimise(logits, targets, multi_label)


def _minimise(logits: np.ndarray, targets: np.ndarray, multi_label: bool) -> float:
    bounds = math.log(LEAST), math.log(MOST)
    found = minimize_scalar(
        lambda log_t: mean_nll(logits / math.exp(log_t), targets, multi_label),
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-6},
    )
    if min(found.x - bounds[0], bounds[1] - found.x) < 1e-3:
        log.warning(f"temperature: the best value is outside [{LEAST}, {MOST}]; the bound is used")
    return float(np.clip(math.exp(found.x), LEAST, MOST))


def mean_nll(logits: np.ndarray, targets: np.ndarray, multi_label: bool) -> float:
    """Mean negative log likelihood of known targets; float `[N, K]` both, in nats."""
    if not multi_label:
        return float(-(targets * log_softmax(logits, axis=1)).sum(axis=1).mean())
    known = np.isfinite(targets)
    z, y = logits[known], targets[known]
    return float(np.mean(np.logaddexp(0.0, z) - y * z))


def _has_two_outcomes(targets: np.ndarray, multi_label: bool) -> bool:
    if not multi_label:
        return int((targets.sum(axis=0) > 0).sum()) >= 2
    known = targets[np.isfinite(targets)]
    return bool((known > 0.5).any() and (known < 0.5).any())


def _separated(logits: np.ndarray, targets: np.ndarray, multi_label: bool) -> bool:
    if multi_label:
        known = np.isfinite(targets)
        return bool(((logits[known] > 0) == (targets[known] > 0.5)).all())
    own = np.where(targets > 0.5, logits, -np.inf).max(axis=1)
    other = np.where(targets > 0.5, -np.inf, logits).max(axis=1)
    return bool((own > other).all())


def _smoothed(targets: np.ndarray, multi_label: bool) -> np.ndarray:
    if not multi_label:
        counts = targets.sum(axis=0)[targets.argmax(axis=1)][:, None]
        return (targets * counts + 1) / (counts + targets.shape[1])
    ones, known = np.nansum(targets, axis=0), np.isfinite(targets).sum(axis=0)
    low, high = 1 / (known - ones + 2), (ones + 1) / (ones + 2)
    return np.where(np.isfinite(targets), np.where(targets > 0.5, high, low), np.nan)
