"""Home Assistant's value templates, as far as they are a place in the payload and a straight line through it.

``{{ value_json.AM2301.Temperature | round(1) }}`` is a path; ``{{ (value | float - 32) / 1.8 }}`` is a line. Filters
that only round or guard are passed over: the figure as it came is the better one. Anything else is not understood.
Source: home-assistant.io templating; jinja.palletsprojects.com expressions.
"""

import re
from functools import lru_cache
from math import isfinite
from typing import NamedTuple

from drivers.formats.words import words

LONGEST = 400
"""Characters of a template; a longer one is a program."""
DEEPEST = 8
"""Parentheses within each other, and keys of a path."""


class Place(NamedTuple):
    """Where a value lies in a document (keys and indices; none: the payload is the value), and what becomes of it:
    ``scale`` × value + ``offset``.
    """

    path: tuple[str | int, ...] = ()
    scale: float = 1.0
    offset: float = 0.0


class _Line(NamedTuple):
    """A part of an expression; without a path it is a constant, ``offset``."""

    path: tuple[str | int, ...] | None
    scale: float
    offset: float


class _NotUnderstoodError(Exception):
    """The template is more than a place and a line; never leaves this module."""


_GUARDED = re.compile(
    r"\{%-?\s*if\s[^%]*(?:\bis\s+defined|\bin\s+value_json)[^%]*%\}\s*(\{\{.*?\}\})\s*(?:\{%-?\s*else\b.*)?\{%-?\s*endif"
    r"\s*-?%\}",
    re.DOTALL,
)
"""``{% if value_json.t is defined %}{{ value_json.t }}{% endif %}``: absent is absent, whatever stands in its place."""
_CHOICE = re.compile(r"(.*?)\sif\s.*(?:\bis\s+defined|\bin\s+value_json).*?\selse\s.*", re.DOTALL)
_BRACES = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|(?P<name>[^\W\d]\w*)"""
    r"""|'(?P<single>[^'\\]*)'|"(?P<double>[^"\\]*)"|(?P<sign>[-+*/|().,\[\]]))"""
)
_PASSED_OVER = frozenset(words("round float int is_defined default string trim"))
"""Filters that leave a sensible value what it is."""


@lru_cache(maxsize=512)
def read_template(text: str) -> Place | None:
    """The place that a template names; None where it is not understood."""
    text = text.strip()
    if not text:
        return Place()
    if len(text) > LONGEST:
        return None
    guarded = _GUARDED.fullmatch(text)
    braces = _BRACES.fullmatch(guarded[1] if guarded else text)
    if braces is None:
        return None
    inner = braces[1]
    choice = _CHOICE.fullmatch(inner)
    try:
        line = _Parser(choice[1] if choice else inner).parse()
    except _NotUnderstoodError:
        return None
    if line.path is None or not line.scale or not isfinite(line.scale) or not isfinite(line.offset):
        return None
    return Place(line.path, line.scale, line.offset)


class _Parser:
    """Recursive descent over an expression that is linear in one value."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    def parse(self) -> _Line:
        line = self._sum()
        if self._at != len(self._tokens):
            raise _NotUnderstoodError
        return line

    def _take(self, *signs: str) -> str:
        """The next token, if it is one of these signs; else ""."""
        if self._at < len(self._tokens):
            kind, text = self._tokens[self._at]
            if kind == "sign" and text in signs:
                self._at += 1
                return text
        return ""

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            raise _NotUnderstoodError

    def _next(self, *kinds: str) -> tuple[str, str]:
        if self._at >= len(self._tokens) or self._tokens[self._at][0] not in kinds:
            raise _NotUnderstoodError
        self._at += 1
        return self._tokens[self._at - 1]

    def _sum(self) -> _Line:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _NotUnderstoodError
        line = self._product()
        while sign := self._take("+", "-"):
            line = _added(line, self._product(), 1.0 if sign == "+" else -1.0)
        self._depth -= 1
        return line

    def _product(self) -> _Line:
        line = self._filtered()
        while sign := self._take("*", "/"):
            line = _multiplied(line, self._filtered(), divide=sign == "/")
        return line

    def _filtered(self) -> _Line:
        """Filters bind closer than any operator."""
        sign = -1.0 if self._take("-") else 1.0
        line = self._primary()
        while self._take("|"):
            name = self._next("name")[1]
            arguments = self._arguments() if self._take("(") else []
            if name == "multiply" and len(arguments) == 1:
                line = _multiplied(line, arguments[0])
            elif name == "add" and len(arguments) == 1:
                line = _added(line, arguments[0], 1.0)
            elif name not in _PASSED_OVER:
                raise _NotUnderstoodError
        return _multiplied(line, _Line(None, 0.0, sign))

    def _arguments(self) -> list[_Line]:
        """What stands in the brackets of a call: ``(0)``, ``('none')``, ``(1, 'floor')``."""
        arguments: list[_Line] = []
        while not self._take(")"):
            if self._at < len(self._tokens) and self._tokens[self._at][0] == "text":
                self._at += 1
                arguments.append(_Line(None, 0.0, 0.0))
            else:
                arguments.append(self._sum())
            if not self._take(","):
                self._need(")")
                break
        return arguments

    def _primary(self) -> _Line:
        if self._take("("):
            line = self._sum()
            self._need(")")
            return line
        kind, text = self._next("number", "name")
        if kind == "number":
            return _Line(None, 0.0, float(text))
        if text == "value":
            return _Line((), 1.0, 0.0)
        if text == "value_json":
            return _Line(self._path(), 1.0, 0.0)
        if text in ("float", "int", "round") and self._take("("):
            arguments = self._arguments()
            if arguments:
                return arguments[0]
        if text.lower() in ("none", "true", "false"):
            return _Line(None, 0.0, 0.0)
        raise _NotUnderstoodError

    def _path(self) -> tuple[str | int, ...]:
        path: list[str | int] = []
        while sign := self._take(".", "["):
            if len(path) >= DEEPEST:
                raise _NotUnderstoodError
            if sign == ".":
                kind, text = self._next("name", "number")
                if text == "get" and self._take("("):
                    path.append(self._next("text")[1])
                    if self._take(","):
                        self._arguments()
                    else:
                        self._need(")")
                else:
                    path.append(text if kind == "name" or not text.isdecimal() else int(text))
            else:
                kind, text = self._next("text", "number")
                path.append(text if kind == "text" or not text.isdecimal() else int(text))
                self._need("]")
        return tuple(path)


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    text = text.strip()
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _NotUnderstoodError
        at = match.end()
        kind = match.lastgroup or ""
        tokens.append(("text" if kind in ("single", "double") else kind, match[kind]))
    return tokens


def _added(one: _Line, other: _Line, sign: float) -> _Line:
    if one.path is not None and other.path is not None:
        raise _NotUnderstoodError
    path = one.path if one.path is not None else other.path
    return _Line(path, one.scale + sign * other.scale, one.offset + sign * other.offset)


def _multiplied(one: _Line, other: _Line, *, divide: bool = False) -> _Line:
    if other.path is not None:
        if divide or one.path is not None:
            raise _NotUnderstoodError
        one, other = other, one
    factor = other.offset
    if divide and not factor:
        raise _NotUnderstoodError
    if divide:
        return _Line(one.path, one.scale / factor, one.offset / factor)
    return _Line(one.path, one.scale * factor, one.offset * factor)
