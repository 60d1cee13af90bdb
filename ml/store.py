"""Models and states as bytes: named arrays in one npz with a version, and files that are whole or absent."""

import io
import os
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from ml.base import Arrays

_VERSION = "version"


# What numpy and zipfile raise for bytes that are no archive, or one with a damaged directory or header.
_DAMAGED = (
    *(ValueError, OSError, EOFError, KeyError, RuntimeError, SyntaxError, TypeError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)


class StaleModelError(Exception):
    """A stored model that cannot be taken over: damaged, or of another version. It is refitted, not guessed."""


def dumps(arrays: Arrays) -> bytes:
    """Named arrays -> an uncompressed npz."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def loads(data: bytes) -> Arrays:
    """The reverse of :func:`dumps`; raises StaleModelError for bytes that are none."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except _DAMAGED as error:
        raise StaleModelError(f"not a stored model: {error}") from error


def save(path: Path, version: int, arrays: Arrays) -> None:
    """Write ``arrays`` so that a reader, or a power cut, meets the old file or the new one. Raises OSError."""
    data = dumps(arrays | {_VERSION: np.array(version)})
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load(path: Path, version: int) -> Arrays | None:
    """What was saved, None if there is no file. Raises StaleModelError for another version or a damaged file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    arrays = loads(data)
    found = int(arrays.pop(_VERSION, np.array(-1)))
    if found != version:
        raise StaleModelError(f"{path} holds a model of version {found}; this is version {version}")
    return arrays
