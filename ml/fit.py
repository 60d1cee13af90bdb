"""Fitting, apart from everything else: rows come in as arrays, fitted arrays go out, scikit-learn is imported.

As a program (``python -m ml.fit``) it answers jobs on stdin until it is closed: each job and each answer is an npz
preceded by its length (8 bytes, big endian). An answer with an ``error`` array holds a sentence instead of a model.
"""

import sys
from typing import BinaryIO

import numpy as np

from ml.base import Arrays, FitError
from ml.forest import fit_forest
from ml.store import dumps, loads

LENGTH_BYTES = 8
LONGEST = 64 * 2**20
"""No job or answer is larger: four weeks of one sensor's bins and rows are below 2 MiB."""


def fit(training: Arrays) -> Arrays:
    """Fit every model of one sensor: ``<name>/rows`` -> a forest. Raises FitError.

    ``<name>/as_of`` is handed back, so that who asked knows what the fit has seen.
    """
    fitted: Arrays = {}
    for name, array in training.items():
        model, _, what = name.rpartition("/")
        if what == "rows":
            fitted |= {f"{model}/{part}": value for part, value in fit_forest(array.astype(np.float32)).items()}
        elif what == "as_of":
            fitted[name] = array
    return fitted


def read_frame(stream: BinaryIO) -> bytes | None:
    """One length-prefixed message, None at a clean end. Raises EOFError within one, ValueError beyond LONGEST."""
    head = stream.read(LENGTH_BYTES)
    if not head:
        return None
    length = int.from_bytes(head, "big")
    if length > LONGEST:
        raise ValueError(f"a message of {length} bytes is longer than {LONGEST}")
    data = stream.read(length)
    if len(head) < LENGTH_BYTES or len(data) < length:
        raise EOFError("the message is cut short")
    return data


def frame(data: bytes) -> bytes:
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


def main() -> None:
    while (job := read_frame(sys.stdin.buffer)) is not None:
        try:
            answer = fit(loads(job))
        except FitError as error:
            answer = {"error": np.array(str(error))}
        sys.stdout.buffer.write(frame(dumps(answer)))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
