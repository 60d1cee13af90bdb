"""Fitting a forecaster's learnt members to a series' bins, one horizon at a time."""

import numpy as np
from numpy.typing import NDArray

from ml.base import Arrays, FitError
from ml.boosting import fit_boosting
from ml.lags import FAR, LEAST_ROWS, design, neighbour_design, usable_origins
from ml.ridge import fit_ridge


def fit_mix(training: Arrays) -> Arrays:
    """Fit ridge and boosting for each horizon to what :meth:`ml.forecast.MixForecaster.training` gave.

    Returns per horizon, stacked, ``mean deviation weight`` (features,) and ``offset`` of the ridge; the same, beginning
    with ``near_``, of the one that also looks at neighbours, where ``training`` has any; and the arrays of boosting.
    Imports scikit-learn. Raises FitError where too few rows have both their past and their target.
    """
    from sklearn import config_context
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # part of scikit-learn

    # Its threads wait for each other by spinning: on a busy machine two take a hundred times as long as one.
    with threadpool_limits(1), config_context(assume_finite=True, skip_parameter_validation=True):
        parts = [_fit_horizon(training, int(horizon)) for horizon in training["horizons"]]
    stacked: Arrays = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    last = int(training["first"][0]) + len(training["values"]) - 1
    return stacked | {"horizons": training["horizons"], "as_of": np.array([last]), "names": training["names"]}


def _fit_horizon(training: Arrays, horizon: int) -> Arrays:
    values, companion, tips, neighbours = (
        training[name].astype(np.float64) for name in ("values", "companion", "tips", "neighbours")
    )
    known: NDArray[np.bool_] = training["known"].astype(np.bool_)
    origins = usable_origins(known, horizon)
    if len(origins) < LEAST_ROWS:
        raise FitError(f"{len(origins)} rows are too few for a forecast {horizon} bins ahead; {LEAST_ROWS} are needed")
    values = np.where(known, values, np.nan)
    rows = design(values, companion, tips, origins, horizon, int(training["first"][0]))
    targets = values[origins + horizon] - values[origins]
    found = fit_ridge(rows, targets) | fit_boosting(rows, targets, far=horizon >= FAR)
    if len(neighbours):
        wider = np.concatenate([rows, neighbour_design(values, neighbours, origins, horizon)], axis=1)
        found |= {f"near_{name}": array for name, array in fit_ridge(wider, targets).items()}
    return found
