"""Files and names that a power cut leaves as they were."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def written_once(path: Path, line: str) -> str:
    """The one line ``path`` holds; where it is missing it is made with ``line``, mode 0600, whole or not at all.

    Of two processes that come at the same time, both get what the first one wrote. Raises OSError.
    """
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(line + "\n")
        opened.flush()
        os.fsync(descriptor)
    try:
        os.link(draft, path)  # unlike a rename it never replaces what another process made meanwhile
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    sync_folder(path.parent)
    return path.read_text().strip()


def replaced(path: Path, content: bytes) -> None:
    """Write a file, mode 0600, so that a reader or a power cut meets the old one or the new one. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(descriptor)
    draft.replace(path)
