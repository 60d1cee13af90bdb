"""Where configuration comes from: a YAML file, ``.env``, the environment; one tree, and where each value stood.

Knows nothing of the schema (and imports no pydantic: ``sereno status`` only wants the server's address).
"""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from daemon.errors import ConfigFaults, Fault

Key = tuple[str | int, ...]

ENVIRONMENT_PREFIX = "SERENO__"
WEBSOCKET_VARIABLES = {
    "WEBSOCKET_MAX_CONNECTIONS": ("websocket", "max_connections"),
    "WEBSOCKET_PING_INTERVAL": ("websocket", "ping_interval"),
    "WEBSOCKET_PING_TIMEOUT": ("websocket", "ping_timeout"),
}
SYSTEM_CONFIG = Path("/etc/sereno/config.yaml")
MAX_BYTES = 1 << 20
"""A configuration of a thousand drivers has 200 KiB; more is a wrong file."""
MAX_VALUES = 50_000
"""Aliases can make a few lines into millions of values."""


@dataclass(slots=True)
class Sources:
    """``values`` as merged; ``origins`` by path: where a value (or a mapping's key) stood.

    Faults do not stop the reading of the rest.
    """

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Key, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    folder: Path = field(default_factory=Path)
    """Relative paths of secrets and of drivers' files start here: the file's folder, or the current one."""
    file: Path | None = None

    def origin(self, path: Key) -> str:
        """Where the value at ``path``, or the nearest part of it that was given, stood; "" for a default."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        for given, where in self.origins.items():
            if given[: len(path)] == path:
                return where
        return self.file.name if self.file else ""

    def fault(self, path: Key, problem: str) -> None:
        """Note a fault at ``path``."""
        self.faults.append(Fault(self.origin(path), dotted(path), problem))


def dotted(path: Key) -> str:
    """``("drivers", 0, "port")`` -> ``drivers[0].port``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def find(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The first of ``path``, ``$SERENO_CONFIG``, ``./config.yaml``, ``/etc/sereno/config.yaml``; None: the defaults."""
    if path is not None:
        return path
    if named := environ.get("SERENO_CONFIG"):
        return Path(named)
    return next((candidate for candidate in (Path("config.yaml"), SYSTEM_CONFIG) if candidate.is_file()), None)


def read(path: Path | None, environ: Mapping[str, str], *, search: bool = True) -> Sources:
    """Merge all sources, weakest first: file, ``.env`` in the current folder and beside the file, environment."""
    file = find(path, environ) if search else path
    sources = Sources(file=file, folder=file.parent if file else Path())
    if file:
        _read_yaml(file, sources)
    for dotenv in dict.fromkeys((Path(".env").resolve(), (sources.folder / ".env").resolve())):
        if dotenv.is_file():
            _overlay(_read_dotenv(dotenv, sources), sources)
    _overlay({name: (name, value) for name, value in environ.items()}, sources)
    return sources


def _read_yaml(file: Path, sources: Sources) -> None:
    text = _read_text(file)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        where = _at(file, error.problem_mark or error.context_mark)
        context = f" {error.context}" if error.context else ""
        sources.faults.append(
            Fault(where, "", f"not YAML: {error.problem}{context}; check indentation, quotes, colons")
        )
        return
    except yaml.reader.ReaderError as error:
        # Its position counts characters from the start of the text.
        before = text[: error.position]
        where = f"{file.name}:{before.count(chr(10)) + 1}:{error.position - before.rfind(chr(10))}"
        sources.faults.append(Fault(where, "", f"character U+{error.character:04X} is not allowed; remove it"))
        return
    if node is None:
        sources.faults.append(Fault(f"{file.name}:1:1", "", "the file is empty; `sereno init` writes a commented one"))
        return
    if not isinstance(node, yaml.MappingNode):
        where = _at(file, node.start_mark)
        sources.faults.append(Fault(where, "", "a configuration is made of sections such as `server:`; this is none"))
        return
    sources.values = _Reader(file, sources).mapping(node, ())


def _read_text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        cure = (
            "`sereno init` writes a commented one" if isinstance(error, FileNotFoundError) else "check path and rights"
        )
        raise ConfigFaults([Fault(str(file), "", f"cannot be read: {error.strerror}; {cure}")]) from error
    if len(data) > MAX_BYTES:
        raise ConfigFaults([Fault(str(file), "", "is larger than 1 MiB; is this the right file?")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        where = f"{file.name}:{before.count(10) + 1}:{error.start - before.rfind(10)}"
        problem = f"byte 0x{data[error.start]:02X} is not UTF-8; save the file as UTF-8"
        raise ConfigFaults([Fault(where, "", problem)]) from error


def _at(file: Path, mark: yaml.Mark | None) -> str:
    return f"{file.name}:{mark.line + 1}:{mark.column + 1}" if mark else file.name


class _Reader:
    """Makes plain values of YAML nodes and notes where each stood: a mapping's value at its key, an item at itself."""

    def __init__(self, file: Path, sources: Sources) -> None:
        self.file = file
        self.sources = sources
        self.scalars = yaml.SafeLoader(io.StringIO())
        self.open: list[yaml.Node] = []
        self.count = 0

    def value(self, node: yaml.Node, path: Key) -> Any:
        self.count += 1
        if node in self.open or self.count > MAX_VALUES:
            problem = (
                "an alias that contains itself" if node in self.open else "aliases make too many values of this file"
            )
            raise ConfigFaults([*self.sources.faults, Fault(_at(self.file, node.start_mark), dotted(path), problem)])
        self.open.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return self.sequence(node, path)
            return self.scalar(node, path)
        finally:
            self.open.pop()

    def scalar(self, node: yaml.Node, path: Key) -> Any:
        try:
            return self.scalars.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError):
            # A tag of another program, or a date that does not exist (2025-02-30).
            self.sources.fault(path, f"{node.value!r} cannot be read; put it in quotes if it is a text")
            return node.value

    def sequence(self, node: yaml.SequenceNode, path: Key) -> list[Any]:
        items = []
        for index, item in enumerate(node.value):
            self.sources.origins[*path, index] = _at(self.file, item.start_mark)
            items.append(self.value(item, (*path, index)))
        return items

    def mapping(self, node: yaml.MappingNode, path: Key) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            where = _at(self.file, key_node.start_mark)
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            here = (*path, key)
            if key in values:
                first = self.sources.origins[here].removeprefix(f"{self.file.name}:").split(":")[0]
                problem = f"stands here a second time (first in line {first}); remove one"
                self.sources.faults.append(Fault(where, dotted(here), problem))
                continue
            self.sources.origins[here] = where
            values[key] = self.value(value_node, here)
        return values


def _read_dotenv(file: Path, sources: Sources) -> dict[str, tuple[str, str]]:
    from dotenv.parser import parse_stream

    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        sources.faults.append(Fault(str(file), "", f"cannot be read: {error}; mend or remove it"))
        return {}
    found: dict[str, tuple[str, str]] = {}
    for binding in parse_stream(io.StringIO(text)):
        where = f"{file.name}:{binding.original.line}"
        if binding.error:
            sources.faults.append(Fault(where, "", f"{binding.original.string.strip()!r} is not NAME=value"))
        elif binding.key is not None and binding.value is not None:
            found[binding.key] = (f"{where} {binding.key}", binding.value)
    return found


def _overlay(variables: Mapping[str, tuple[str, str]], sources: Sources) -> None:
    """Put ``NAME: (origin, value)`` over what is there; the three WEBSOCKET names last, as they are the strongest."""
    for name, (origin, value) in sorted(variables.items()):
        if name.startswith(ENVIRONMENT_PREFIX):
            _place(_variable_path(name), value, origin, sources)
    for name, path in WEBSOCKET_VARIABLES.items():
        if name in variables:
            origin, value = variables[name]
            _place(path, value, origin, sources)


def _variable_path(name: str) -> Key:
    parts = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
    return tuple(int(part) if re.fullmatch(r"\d{1,4}", part) else part for part in parts)


def _place(path: Key, text: str, origin: str, sources: Sources) -> None:
    """Set one value from outside; lists and mappings are written as YAML (``[15min, 1h]``)."""
    target: Any = sources.values
    for part, following in pairwise(path):
        if not _fits(target, part):
            break
        if _held(target, part) is None:
            _put(target, part, [] if isinstance(following, int) else {})
        target = target[part]
    if not _fits(target, path[-1]):
        problem = "there is no such place in the configuration; list items are numbered from 0 without a gap"
        sources.faults.append(Fault(origin, dotted(path), problem))
        return
    for stale in [key for key in sources.origins if key[: len(path)] == path]:
        del sources.origins[stale]
    sources.origins[path] = origin
    _put(target, path[-1], _variable_value(text))


def _fits(target: Any, part: str | int) -> bool:
    if isinstance(target, list):
        return isinstance(part, int) and part <= len(target)
    return isinstance(target, dict) and isinstance(part, str)


def _held(target: Any, part: Any) -> Any:
    return target.get(part) if isinstance(target, dict) else target[part] if part < len(target) else None


def _put(target: Any, part: Any, value: Any) -> None:
    if isinstance(target, list) and part == len(target):
        target.append(value)
    else:
        target[part] = value


def _variable_value(text: str) -> Any:
    """Only what opens like a list or a mapping is YAML: a password of digits stays a text, pydantic reads numbers."""
    if text.lstrip()[:1] not in ("[", "{"):
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
