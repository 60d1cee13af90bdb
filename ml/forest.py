"""Isolation forests as flat arrays, many of them side by side: fitted with scikit-learn elsewhere, scored in numpy.

All forests of a bank have one shape, so rows of different sensors are scored in one pass.
"""

import math
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ml.base import Arrays, FitError, Floats
from ml.trees import descend, lay_out, leaves_of, splits_of

_T = TypeVar("_T", bound=np.generic)

TREES = 50
SAMPLES = 128
DEPTH = 7
"""scikit-learn grows isolation trees to ceil(log2(SAMPLES)) levels."""

SPLITS = splits_of(DEPTH)
LEAVES = leaves_of(DEPTH)
_STRIDE = SAMPLES + 1


def _average_path(samples: NDArray[np.int64]) -> Floats:
    """c(n): the mean path length of an unsuccessful search in a binary tree of n points (Liu et al. 2008, eq. 1)."""
    n = np.maximum(samples, 3).astype(np.float64)
    path = 2.0 * (np.log(n - 1.0) + np.euler_gamma) - 2.0 * (n - 1.0) / n
    return np.where(samples <= 1, 0.0, np.where(samples == 2, 1.0, path))


# A leaf's path length by its code: depth * _STRIDE + samples.
_PATHS: Floats = np.add.outer(
    np.arange(DEPTH + 1, dtype=np.float64), _average_path(np.arange(_STRIDE, dtype=np.int64))
).ravel()


def fit_forest(rows: NDArray[np.float32], seed: int = 0) -> Arrays:
    """Fit scikit-learn's IsolationForest to rows (n, features) and flatten it. Imports scikit-learn.

    Returns ``feature`` uint8 and ``threshold`` float32 of shape (trees, SPLITS), ``leaf`` uint16 (trees, LEAVES) and
    ``normal`` float64 (1,): the path length that scores 0.5. Raises FitError below 16 rows.
    """
    if len(rows) < 16:
        raise FitError(f"{len(rows)} rows are too few for a forest; 16 are needed")
    from sklearn.ensemble import IsolationForest

    model = IsolationForest(n_estimators=TREES, max_samples=min(SAMPLES, len(rows)), random_state=seed, n_jobs=1)
    return flatten(model.fit(rows))


def flatten(model: Any) -> Arrays:
    """Turn a fitted IsolationForest into the arrays of :func:`fit_forest`; scores stay equal within 1e-9."""
    estimators = model.estimators_
    feature = np.zeros((len(estimators), SPLITS), np.uint8)
    threshold = np.full((len(estimators), SPLITS), np.inf, np.float32)
    leaf = np.zeros((len(estimators), LEAVES), np.uint16)
    for tree, estimator in enumerate(estimators):
        _lay_out(estimator.tree_, (feature[tree], threshold[tree], leaf[tree]))
    normal = _average_path(np.array([model.max_samples_], np.int64))
    return {"feature": feature, "threshold": threshold, "leaf": leaf, "normal": normal}


def _lay_out(tree: Any, into: tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint16]]) -> None:
    left, right = tree.children_left.tolist(), tree.children_right.tolist()
    depths = [0] * len(left)
    for node, child in enumerate(left):
        if child > node:  # scikit-learn numbers children after their parent
            depths[child] = depths[right[node]] = depths[node] + 1
    codes = [depth * _STRIDE + samples for depth, samples in zip(depths, tree.n_node_samples.tolist(), strict=True)]
    lay_out((left, right), tree.feature.tolist(), tree.threshold, codes, into, DEPTH)


class ForestBank:
    """Forests of one shape in common arrays; grows by a fifth, never beyond ``limit`` forests (44 KiB each)."""

    def __init__(self, limit: int = 20_000) -> None:
        self.limit = limit
        self._free: list[int] = []
        self._size = 0
        self._feature = np.zeros((0, TREES, SPLITS), np.uint8)
        self._threshold = np.zeros((0, TREES, SPLITS), np.float32)
        self._leaf = np.zeros((0, TREES, LEAVES), np.uint16)
        self._normal = np.ones(0)

    def put(self, forest: Arrays, slot: int | None = None) -> int:
        """Store a forest, in ``slot`` if given; returns its slot. Raises ValueError for another shape."""
        if forest["feature"].shape != (TREES, SPLITS) or forest["leaf"].shape != (TREES, LEAVES):
            raise ValueError(f"a forest of shape {forest['feature'].shape} does not fit a bank of {(TREES, SPLITS)}")
        if slot is None:
            slot = self._free.pop() if self._free else self._take()
        self._feature[slot] = forest["feature"]
        self._threshold[slot] = forest["threshold"]
        self._leaf[slot] = forest["leaf"]
        self._normal[slot] = float(forest["normal"][0])
        return slot

    def get(self, slot: int) -> Arrays:
        """A copy of the forest in ``slot``."""
        return {
            "feature": self._feature[slot].copy(),
            "threshold": self._threshold[slot].copy(),
            "leaf": self._leaf[slot].copy(),
            "normal": self._normal[slot : slot + 1].copy(),
        }

    def free(self, slot: int) -> None:
        self._free.append(slot)

    def score(self, slots: NDArray[np.intp], rows: NDArray[np.float32]) -> Floats:
        """Anomaly scores 2^(-E(path)/c(n)) in 0..1 of rows (k, features), each by the forest in its slot."""
        count = len(rows)
        flat = rows.ravel()
        row = (np.arange(count) * rows.shape[1])[:, None]
        tree = slots[:, None] * TREES + np.arange(TREES)
        leaf = descend(self._feature.ravel(), self._threshold.ravel(), tree * SPLITS, (flat, row), DEPTH)
        paths = _PATHS[self._leaf.ravel()[tree * LEAVES + leaf]]
        scores: Floats = np.exp2(-paths.sum(axis=1) / (TREES * self._normal[slots]))
        return scores

    def _take(self) -> int:
        if self._size == len(self._normal):
            self._grow(min(self.limit, max(8, math.ceil(self._size * 1.2))))
        self._size += 1
        return self._size - 1

    def _grow(self, capacity: int) -> None:
        if capacity <= self._size:
            raise ValueError(f"the bank holds its limit of {self.limit} forests")
        self._feature = _extended(self._feature, capacity)
        self._threshold = _extended(self._threshold, capacity)
        self._leaf = _extended(self._leaf, capacity)
        self._normal = _extended(self._normal, capacity)


def _extended(array: NDArray[_T], capacity: int) -> NDArray[_T]:
    longer = np.zeros((capacity, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer
