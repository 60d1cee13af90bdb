"""Secrets kept in files: ``password_file`` is read into ``password``; a file that others can read is refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr

from daemon.config_sources import Key, Sources

M = TypeVar("M", bound=BaseModel)

MAX_BYTES = 16 * 1024
"""Longer is no password and no key."""


def with_secrets(model: M, path: Key, sources: Sources, environ: Mapping[str, str]) -> M:
    """``model`` with every ``x`` whose twin ``x_file`` is set read from there; faults go to ``sources``."""
    fields = type(model).model_fields
    updates: dict[str, Any] = {}
    for name in fields:
        value, file = getattr(model, name), getattr(model, f"{name}_file", None)
        if isinstance(value, list):
            updates[name] = [
                with_secrets(item, (*path, name, index), sources, environ) if isinstance(item, BaseModel) else item
                for index, item in enumerate(value)
            ]
        elif file is not None and value is not None:
            sources.fault((*path, f"{name}_file"), f"and `{name}` are both given; keep one")
        elif file is not None:
            secret = _read(sources.folder / Path(file).expanduser(), (*path, f"{name}_file"), sources, environ)
            updates[name] = SecretStr(secret) if secret is not None else None
    return model.model_copy(update=updates) if updates else model


def _read(file: Path, path: Key, sources: Sources, environ: Mapping[str, str]) -> str | None:
    try:
        with file.open("rb") as opened:
            mode = file.stat().st_mode
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        sources.fault(path, f"{file} cannot be read: {error.strerror}; check path, owner and rights")
        return None
    # What systemd hands over in its credentials folder is for this service alone, whatever its mode bits say.
    handed_over = file.parent == Path(environ.get("CREDENTIALS_DIRECTORY", "/nonexistent"))
    if mode & 0o077 and not handed_over:
        sources.fault(path, f"{file} can be read by others; chmod 600 {file}")
        return None
    try:
        secret = data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        secret = ""
    if not secret or len(data) > MAX_BYTES:
        sources.fault(
            path, f"{file} holds no secret: one line of text is expected, such as `openssl rand -hex 32` makes"
        )
        return None
    return secret
