"""Decision trees as complete binary trees in flat arrays, walked side by side in numpy.

Node n's children are 2n+1 (the value is at most the threshold) and 2n+2, so no pointers are kept. A leaf above the
last level is continued to the left by thresholds of +inf.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ml.base import Floats

_T = TypeVar("_T", bound=np.generic)


def splits_of(depth: int) -> int:
    """Inner nodes of a complete tree."""
    return (1 << depth) - 1


def leaves_of(depth: int) -> int:
    return 1 << depth


def lay_out(
    children: tuple[Sequence[int], Sequence[int]],
    used: Sequence[int],
    thresholds: Floats,
    leaves: Sequence[float],
    into: tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[_T]],
    depth: int,
) -> None:
    """Write one pointer tree into arrays (feature, threshold, leaf) of a complete tree of ``depth`` levels.

    ``children`` are the left and right child of each node; a left child that is no later node marks a leaf, whose
    value is in ``leaves``. Thresholds become float32, rounded down: for float32 values no branch changes.
    """
    feature, threshold, leaf = into
    left, right = children
    rounded = thresholds.astype(np.float32)
    rounded = np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    feature[:], threshold[:] = 0, np.inf
    stack = [(0, 0, 0)]  # (node, its place, its depth)
    while stack:
        node, place, level = stack.pop()
        if left[node] > node:
            feature[place], threshold[place] = used[node], rounded[node]
            stack += [(left[node], 2 * place + 1, level + 1), (right[node], 2 * place + 2, level + 1)]
            continue
        place = (place + 1) * 2 ** (depth - level) - 1  # leftmost below it
        leaf[place - splits_of(depth)] = leaves[node]


def descend(
    features: NDArray[np.uint8],
    thresholds: NDArray[np.float32],
    first: NDArray[np.intp],
    values: tuple[NDArray[np.float32], NDArray[np.intp]],
    depth: int,
) -> NDArray[np.intp]:
    """Which leaf each walk ends in, 0 .. 2**depth - 1.

    ``first`` are the places of the roots in the flat arrays; ``values`` a flat array of rows and each walk's row's
    first place in it, broadcastable to ``first``.
    """
    flat, row = values
    node = np.zeros(first.shape, np.intp)
    for _ in range(depth):
        at = first + node
        node = 2 * node + 1 + (flat[row + features[at]] > thresholds[at])
    return node - splits_of(depth)
