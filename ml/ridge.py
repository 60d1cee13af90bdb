"""A ridge regression whose absolute errors are small, by iteratively reweighted least squares: what doors and showers
do to a room must not bend what is said of its usual course. Fitted with scikit-learn elsewhere, predicted in numpy.
"""

import numpy as np
from numpy.typing import NDArray

from ml.base import Arrays, Floats

_ALPHA = 30.0

_REWEIGHTED = 3
"""Rounds of least squares that come close to least absolute errors."""

_CLIP = 4.0
"""Standard deviations beyond which a column says no more: an extrapolation from one event of a month is none."""

_ARRAYS = ("mean", "deviation", "weight", "offset")


def fit_ridge(rows: NDArray[np.float32], targets: Floats) -> Arrays:
    """Fit to ``rows`` (n, features): ``mean deviation weight`` (features,) and ``offset``. Imports scikit-learn."""
    from sklearn.linear_model import Ridge

    mean, deviation = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64) + 1e-6
    scaled = np.clip((rows - mean) / deviation, -_CLIP, _CLIP).astype(np.float32)
    ridge = Ridge(alpha=_ALPHA, solver="cholesky").fit(scaled, targets)
    for _ in range(_REWEIGHTED):
        error = np.abs(targets - ridge.predict(scaled))
        weights = 1.0 / np.maximum(error, 0.5 * np.median(error) + 1e-9)
        ridge.fit(scaled, targets, sample_weight=weights / weights.mean())
    return {
        "mean": mean,
        "deviation": deviation,
        "weight": np.asarray(ridge.coef_, np.float64),
        "offset": np.asarray(ridge.intercept_, np.float64),
    }


def predict_ridge(fit: Arrays, rows: NDArray[np.float32], prefix: str = "") -> Floats:
    """The change that each horizon's ridge says (horizons,) for rows (horizons, features)."""
    mean, deviation, weight, offset = (fit[prefix + name].astype(np.float64) for name in _ARRAYS)
    found: Floats = (np.clip((rows - mean) / deviation, -_CLIP, _CLIP) * weight).sum(axis=1) + offset
    return found
