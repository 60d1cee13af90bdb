"""Gradient boosted trees: fitted with scikit-learn elsewhere, predicted in numpy from flat arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.base import Arrays, Floats
from ml.trees import descend, lay_out, leaves_of, splits_of

TREES = 25
DEPTH = 4
_LEAF_NODES = 10
_RATE = 0.2

_TREES_FAR, _RATE_FAR = 12, 0.35
"""Fewer and bolder ones for far horizons, whose targets tell less: as good there, at half the cost."""

_CUTS = 64
_EACH = 2
"""Every second row is fitted to: neighbouring quarters of an hour say almost the same, at twice the cost."""


def fit_boosting(rows: NDArray[np.float32], targets: Floats, *, far: bool) -> Arrays:
    """Fit HistGradientBoostingRegressor to the absolute error and flatten it. Imports scikit-learn.

    ``rows`` (n, features) -> ``feature`` uint8, ``threshold`` float32 (TREES, splits), ``leaf`` float32
    (TREES, leaves), ``base`` float64 (1,). ``far``: the horizon is a long one (:data:`ml.lags.FAR`).
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(
        loss="absolute_error",
        max_iter=_TREES_FAR if far else TREES,
        learning_rate=_RATE_FAR if far else _RATE,
        max_depth=DEPTH,
        max_leaf_nodes=_LEAF_NODES,
        max_bins=_CUTS,
        early_stopping=False,
        random_state=0,
    )
    return flatten(model.fit(rows[::-_EACH], targets[::-_EACH]))


def flatten(model: Any) -> Arrays:
    """Turn a fitted model into the arrays of :func:`fit_boosting`; predictions differ by float32's rounding alone."""
    feature = np.zeros((TREES, splits_of(DEPTH)), np.uint8)
    threshold = np.full((TREES, splits_of(DEPTH)), np.inf, np.float32)
    leaf = np.zeros((TREES, leaves_of(DEPTH)), np.float32)
    for tree, (predictor,) in enumerate(model._predictors):  # the fitted trees have no public name
        nodes = predictor.nodes
        inner = np.where(nodes["is_leaf"], 0, nodes["left"])
        lay_out(
            (inner.tolist(), nodes["right"].tolist()),
            nodes["feature_idx"].tolist(),
            nodes["num_threshold"],
            nodes["value"].tolist(),
            (feature[tree], threshold[tree], leaf[tree]),
            DEPTH,
        )
    base = np.asarray(model._baseline_prediction, np.float64).reshape(1)
    return {"feature": feature, "threshold": threshold, "leaf": leaf, "base": base}


def predict(boosting: Arrays, rows: NDArray[np.float32]) -> Floats:
    """Predictions (models, n) for rows (models, n, features); the arrays have the models' axis in front."""
    models, count, width = rows.shape
    trees = np.arange(models * TREES, dtype=np.intp).reshape(models, 1, TREES)
    places = (np.arange(models * count, dtype=np.intp) * width).reshape(models, count, 1)
    feature = boosting["feature"].astype(np.uint8, copy=False).ravel()
    threshold = boosting["threshold"].astype(np.float32, copy=False).ravel()
    first = np.broadcast_to(trees * splits_of(DEPTH), (models, count, TREES))
    leaf = descend(feature, threshold, first, (rows.ravel(), places), DEPTH)
    leaves = boosting["leaf"].astype(np.float64).ravel()[trees * leaves_of(DEPTH) + leaf]
    predicted: Floats = leaves.sum(axis=2) + boosting["base"].astype(np.float64).reshape(models, 1)
    return predicted
