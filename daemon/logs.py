"""The log: to stderr, one line an event, as text or JSON; secrets masked, control characters escaped."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

from daemon.redact import redact

_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


class LineFormatter(logging.Formatter):
    """One record, one line: what came from a device can neither break the line nor colour the terminal."""

    def __init__(self, kind: Literal["text", "json"]) -> None:
        super().__init__()
        self.kind = kind

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = redact(record.getMessage())
        fields = {name: _field(value) for name, value in record.__dict__.items() if name not in _PLAIN}
        if record.exc_info:
            fields["exception"] = redact(self.formatException(record.exc_info))
        if self.kind == "json":
            line = {"time": moment, "level": record.levelname.lower(), "logger": record.name, "message": message}
            return json.dumps(line | fields, ensure_ascii=True)
        rest = "".join(f" {name}={value}" for name, value in fields.items())
        return f"{moment} {record.levelname:<7} {record.name}: {message}{rest}".translate(_ESCAPES)


def _field(value: object) -> object:
    return value if isinstance(value, bool | int | float) or value is None else redact(str(value))


def configure(level: str, kind: Literal["text", "json"], stream: TextIO = sys.stderr) -> None:
    """Set up the root logger; ``level`` is a word of ``log.level``."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter(kind))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("sqlalchemy", "alembic", "asyncio", "websockets", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
