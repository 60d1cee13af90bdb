"""The detectors that people use instead: causal, one score per value, higher is odder, NaN where it says nothing.

They are as kind to the others as can be: what no DHT22 can have measured, and a failed read, is given to each of them
for nothing, and what has to be known beforehand (pace, limits) comes from the beginning of each series.
"""

from collections import deque
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from river.anomaly import HalfSpaceTrees
from sklearn.ensemble import IsolationForest

Floats = NDArray[np.float64]

TRAIN, REFIT = 2000, 200
"""Readings that an isolation forest is fitted to, and how many are judged by one fit."""

SETTING_UP = 0.25
"""The share of a series from which pace and limits are taken: no fault is injected before 0.3."""

TENTH = 0.1
"""Scales below a DHT22's resolution are taken for it."""

MEASURABLE: Mapping[str, tuple[float, float]] = {"temperature": (-40.0, 80.0), "humidity": (0.0, 100.0)}
"""A DHT22's range (°C, % RH)."""

HOUR = 3600.0


def plain_forest(values: Floats) -> Floats:
    """scikit-learn's IsolationForest on the value alone: each block of 200 by a fit to the 2,000 before it."""
    scores = np.full(len(values), np.nan)
    rows = values.reshape(-1, 1)
    for first in range(REFIT, len(values), REFIT):
        model = IsolationForest(random_state=0).fit(rows[max(0, first - TRAIN) : first])
        scores[first : first + REFIT] = -model.score_samples(rows[first : first + REFIT])
    return scores


def half_space_trees(values: Floats, setting_up: int) -> Floats:
    """river's Half-Space Trees (25 of height 8) on the value and its change.

    The first values tell the limits: their range, once more on either side, and for a change from 0 to that range.
    These were the best of a dozen tried: with the very limits of the first values every new extreme is an anomaly.
    """
    low, high = float(values[:setting_up].min()), float(values[:setting_up].max())
    span = max(high - low, TENTH)
    limits = {"value": (low - span, high + span), "change": (0.0, span)}
    model = HalfSpaceTrees(n_trees=25, height=8, limits=limits, seed=1)
    changes = np.abs(np.diff(values, prepend=values[:1]))
    scores = np.empty(len(values))
    for index, (value, change) in enumerate(zip(values.tolist(), changes.tolist(), strict=True)):
        row = {"value": value, "change": change}
        scores[index] = model.score_one(row)
        model.learn_one(row)
    return scores


def z_scores(times: Floats, values: Floats) -> Floats:
    """How many standard deviations from the mean of the 24 h before; ``times`` in s."""
    series = pd.Series(values, index=pd.to_datetime(times, unit="s"))
    past = series.rolling("24h", closed="left", min_periods=20)
    return ((series - past.mean()).abs() / past.std().clip(lower=TENTH)).to_numpy()


def hampel(values: Floats, width: int) -> Floats:
    """How many scaled median absolute deviations from the median of the ``width`` values before."""
    scores = np.full(len(values), np.nan)
    if len(values) <= width:
        return scores
    windows = np.lib.stride_tricks.sliding_window_view(values[:-1], width)
    for first in range(0, len(windows), 4096):
        past = windows[first : first + 4096]
        middle = np.median(past, axis=1)
        spread = 1.4826 * np.median(np.abs(past - middle[:, None]), axis=1)
        there = slice(width + first, width + first + len(past))
        scores[there] = np.abs(values[there] - middle) / np.maximum(spread, TENTH)
    return scores


def held_off(scores: Floats) -> Floats:
    """Each score where it exceeds all of the last 8 % of the rows seen, at least of the last 100, else 0."""
    held = np.zeros(len(scores))
    records: deque[tuple[int, float]] = deque()  # decreasing: each is the highest since its row
    for row, score in enumerate(np.nan_to_num(scores).tolist()):
        while records and records[0][0] < row - max(100, 0.08 * row):
            records.popleft()
        if not records or score > records[0][1]:
            held[row] = score
        while records and records[-1][1] <= score:
            records.pop()
        records.append((row, score))
    return held


def _forest(times: Floats, values: Floats) -> Floats:  # noqa: ARG001
    return plain_forest(values)


def _trees(times: Floats, values: Floats) -> Floats:  # noqa: ARG001
    return half_space_trees(values, int(SETTING_UP * len(values)))


def _hampel(times: Floats, values: Floats) -> Floats:
    pace = float(np.median(np.diff(times[: int(SETTING_UP * len(times))])))
    return hampel(values, min(512, max(6, round(3 * HOUR / pace))))


ON_SENSORS: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "rolling z-score 24 h": z_scores,
    "Hampel 3 h": _hampel,
    "IsolationForest on the value": _forest,
    "Half-Space Trees": _trees,
}
"""name -> scores of (times, values), measurable values only, times increasing."""


def _nab_trees(values: Floats) -> Floats:
    return half_space_trees(values, min(int(0.15 * len(values)), 750))  # what NAB never scores


ON_NAB: Mapping[str, Callable[[Floats], Floats]] = {
    "IsolationForest on the value": plain_forest,
    "Half-Space Trees": _nab_trees,
}
"""name -> scores of the values."""


def score_table(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """``score`` of each reading of a table with ``timestamp,sensor,quantity,value``; needs the seconds in ``t``.

    The first reading of an hour that failed or cannot have been measured has the highest score of the table; the
    others of that hour have none, so that they do not take up the thresholds that are tried.
    """
    parts = []
    for (_, quantity), series in table.groupby(["sensor", "quantity"], sort=False):
        newer = series.sort_values("t", kind="stable").drop_duplicates("t")
        low, high = MEASURABLE[str(quantity)]
        good = newer["value"].between(low, high).to_numpy()
        times, values = newer["t"].to_numpy(), newer["value"].to_numpy(float)
        scores = np.full(len(newer), np.nan)
        scores[good] = ON_SENSORS[name](times[good], values[good])
        last = -np.inf
        for row in np.flatnonzero(~good):
            if times[row] - last > HOUR:
                scores[row], last = np.inf, times[row]
        parts.append(newer.assign(score=scores))
    scored = pd.concat(parts)
    finite = scored["score"][np.isfinite(scored["score"])]
    return scored.assign(score=scored["score"].clip(upper=finite.max()))
