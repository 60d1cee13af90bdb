"""Fitting a forecaster's learnt members to a series' bins, one horizon at a time."""

import numpy as np
from numpy.typing import NDArray

from ml.base import Arrays, FitError, Floats
from ml.boosting import fit_boosting
from ml.lags import LEAST_ROWS, design, usable_origins

_RIDGE = 30.0


def fit_mix(training: Arrays) -> Arrays:
    """Fit ridge and boosting for each horizon to what :meth:`ml.forecast.MixForecaster.training` gave.

    Returns per horizon ``mean deviation weight`` (features,), ``offset``, and the arrays of boosting, stacked; imports
    scikit-learn. Raises FitError where too few rows have both their past and their target.
    """
    values = training["values"].astype(np.float64)
    companion = training["companion"].astype(np.float64)
    known: NDArray[np.bool_] = training["known"].astype(np.bool_)
    first = int(training["first"][0])
    parts = [_fit_horizon(values, companion, known, int(horizon), first) for horizon in training["horizons"]]
    stacked: Arrays = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    return stacked | {"horizons": training["horizons"], "as_of": np.array([first + len(values) - 1])}


def _fit_horizon(values: Floats, companion: Floats, known: NDArray[np.bool_], horizon: int, first: int) -> Arrays:
    from sklearn.linear_model import Ridge

    origins = usable_origins(known, horizon)
    if len(origins) < LEAST_ROWS:
        raise FitError(f"{len(origins)} rows are too few for a forecast {horizon} bins ahead; {LEAST_ROWS} are needed")
    rows = design(values, companion, origins, horizon, first)
    targets = values[origins + horizon] - values[origins]
    mean, deviation = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    ridge = Ridge(alpha=_RIDGE).fit((rows - mean) / deviation, targets)
    linear: Arrays = {
        "mean": mean.astype(np.float64),
        "deviation": deviation.astype(np.float64),
        "weight": np.asarray(ridge.coef_, np.float64),
        "offset": np.asarray(ridge.intercept_, np.float64),
    }
    return linear | fit_boosting(rows, targets)
