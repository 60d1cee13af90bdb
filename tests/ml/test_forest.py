"""Forests in numpy: scikit-learn's own scores, whatever the number of rows or forests at once."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from ml.base import FitError
from ml.forest import SAMPLES, TREES, ForestBank, fit_forest, flatten


def rows(count: int, seed: int = 1, width: int = 10) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


@pytest.mark.parametrize("count", [16, 100, 128, 1000])
def test_scores_equal_those_of_scikit_learn(count: int) -> None:
    known, asked = rows(count), 3 * rows(500, seed=2)
    asked[:50] = known[np.arange(50) % count]  # values that lie on thresholds
    model = IsolationForest(n_estimators=TREES, max_samples=min(SAMPLES, count), random_state=0).fit(known)
    bank = ForestBank()
    slots = np.full(len(asked), bank.put(flatten(model)), np.intp)
    assert np.abs(bank.score(slots, asked) + model.score_samples(asked)).max() < 1e-9


def test_rows_that_repeat_one_value_are_scored_as_scikit_learn_does() -> None:
    known = np.repeat(rows(4), 50, axis=0)
    model = IsolationForest(n_estimators=TREES, max_samples=SAMPLES, random_state=0).fit(known)
    bank = ForestBank()
    slots = np.full(len(known), bank.put(flatten(model)), np.intp)
    assert np.abs(bank.score(slots, known) + model.score_samples(known)).max() < 1e-9


def test_many_forests_at_once_score_as_each_alone() -> None:
    bank = ForestBank()
    slots = np.array([bank.put(fit_forest(rows(200, seed))) for seed in range(5)], np.intp)
    asked = rows(5, seed=9)
    together = bank.score(slots, asked)
    alone = [bank.score(slots[i : i + 1], asked[i : i + 1])[0] for i in range(5)]
    assert together.tolist() == alone


def test_a_freed_place_is_used_again() -> None:
    bank = ForestBank(limit=8)
    forest = fit_forest(rows(200))
    slots = [bank.put(forest) for _ in range(8)]
    with pytest.raises(ValueError, match="limit of 8"):
        bank.put(forest)
    bank.free(slots[3])
    assert bank.put(forest) == slots[3]
    np.testing.assert_array_equal(bank.get(slots[3])["leaf"], forest["leaf"])


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(FitError, match="15 rows are too few"):
        fit_forest(rows(15))


def test_importing_the_models_does_not_import_scikit_learn() -> None:
    modules = "ml.anomaly, ml.forecast, ml.forecast_fit, ml.evaluate, ml.fit, ml.store"
    code = f"import sys, {modules}; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
