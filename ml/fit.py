"""Fitting, apart from everything else: rows come in as arrays, fitted arrays go out, scikit-learn is imported.

As a program (``python -m ml.fit``) it answers jobs on stdin until it is closed: each job and each answer is an npz
preceded by its length (8 bytes, big endian). An answer with an ``error`` array holds a sentence instead of a model.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ml.base import Arrays, FitError, named
from ml.forecast_fit import fit_mix
from ml.forest import fit_forest
from ml.store import dumps, loads

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

LENGTH_BYTES = 8
LONGEST = 64 * 2**20
"""No job or answer is larger: four weeks of one sensor's bins and rows are below 2 MiB."""


def fit(training: Arrays) -> Arrays:
    """Fit every model of one sensor: ``<name>/rows`` is for a forest, ``<name>/values`` for a forecaster.

    ``as_of`` of a forest's rows is handed back, so that who asked knows what the fit has seen. Raises FitError.
    """
    jobs: dict[str, Arrays] = {}
    for name, array in training.items():
        model, _, part = name.rpartition("/")
        jobs.setdefault(model, {})[part] = array
    fitted: Arrays = {}
    for model, job in jobs.items():
        done = fit_mix(job) if "values" in job else fit_forest(job["rows"].astype(np.float32)) | {"as_of": job["as_of"]}
        fitted |= named(done, model)
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


def become_background_process() -> None:
    """Yield to everything: low priority, first to go when memory runs out, and never outlive the parent (Linux)."""
    os.nice(10)
    Path("/proc/self/oom_score_adj").write_text("1000")
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    become_background_process()
    while (job := read_frame(sys.stdin.buffer)) is not None:
        try:
            answer = fit(loads(job))
        except FitError as error:
            answer = {"error": np.array(str(error))}
        sys.stdout.buffer.write(frame(dumps(answer)))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
