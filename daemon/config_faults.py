"""What is wrong with a value of the configuration, in words: what it is, what is allowed, what is usual."""

import json
from collections.abc import Iterable
from datetime import timedelta
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from daemon.config_sources import Key, Sources
from daemon.redact import SECRET_WORDS, redact

M = TypeVar("M", bound=BaseModel)

_WORD_PATTERN = r"^[\w.-]{1,64}$"
_UNITS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 0.001))


def validate(model: type[M], data: Any, prefix: Key, sources: Sources) -> M | None:
    """One section or driver; None where ``sources`` got faults instead."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            place = _place(detail, data)
            sources.fault(prefix + place, describe(detail, model, place))
    return None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean "port"?``, or what there is to choose from."""
    words = list(known)
    close = get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else f"there are {', '.join(words)}"


def duration_text(value: timedelta) -> str:
    """``timedelta(seconds=600)`` -> ``10min``: the largest unit that divides it, as the configuration writes it."""
    seconds = value.total_seconds()
    for unit, size in _UNITS:
        enough = 2 * size if unit == "d" else size  # 24h reads better than 1d
        if seconds >= enough and (seconds / size).is_integer():
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s"


def _place(detail: ErrorDetails, data: Any) -> Key:
    """The part of pydantic's location that exists in the file: without the names of validators and unions."""
    path: list[str | int] = []
    for part in detail["loc"]:
        if part in (data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()):
            data = data[part]
        elif detail["type"] != "missing" or part != detail["loc"][-1]:
            continue
        path.append(part)
    return tuple(path)


def describe(detail: ErrorDetails, model: type[BaseModel], place: Key) -> str:
    """One sentence for one of pydantic's errors at ``place`` of ``model``."""
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    field = _field(model, place)
    shown = _shown(value, place)
    match kind:
        case "value_error":
            return redact(str(context["error"]))
        case "missing":
            return f"is missing{_hint(field)}"
        case "extra_forbidden":
            return f"unknown key; {did_you_mean(str(place[-1]), _keys(_model_at(model, place[:-1])))}"
        case "literal_error":
            return f"{shown} is none of {', '.join(_choices(field, place))}{'' if _is_item(place) else _usual(field)}"
        case "bool_parsing" | "bool_type":
            return f"{shown} is neither true nor false{_usual(field)}"
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            return f"{shown} is not a whole number{_usual(field)}"
        case "float_parsing" | "float_type" | "finite_number":
            return f"{shown} is not a number{_usual(field)}"
        case "string_type" | "path_type" if isinstance(value, dict | list) or value is None:
            return f"{shown} stands where a text belongs{_usual(field)}"
        case "string_type" | "path_type":
            return f"{shown} is not a text; put it in quotes"
        case "list_type":
            return f"{shown} is not a list; write [{shown}]"
        case "model_type" | "dict_type" | "model_attributes_type":
            return f"{shown} stands where keys belong; write one `key: value` a line, indented below it"
        case "string_pattern_mismatch" if context["pattern"] == _WORD_PATTERN:
            return f'{shown} is not a name; 1 to 64 letters, digits, "_", "." or "-"'
    return _bound(kind, shown, context, field) or f"{shown}: {detail['msg']}"


def _bound(kind: str, shown: str, context: dict[str, Any], field: FieldInfo | None) -> str:
    words = {
        "greater_than": ("gt", "is too small; more than {}"),
        "greater_than_equal": ("ge", "is too small; at least {}"),
        "less_than": ("lt", "is too large; less than {}"),
        "less_than_equal": ("le", "is too large; at most {}"),
        "string_too_short": ("min_length", "is too short; at least {} characters"),
        "string_too_long": ("max_length", "is too long; at most {} characters"),
        "too_short": ("min_length", "has too few items; at least {}"),
        "too_long": ("max_length", "has too many items; at most {}"),
        "string_pattern_mismatch": ("pattern", "does not fit the pattern {}"),
    }
    if kind not in words:
        return ""
    name, sentence = words[kind]
    return f"{shown} {sentence.format(_plain(context[name]))}{_usual(field)}"


def _plain(value: Any) -> str:
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _shown(value: Any, place: Key) -> str:
    if place and isinstance(place[-1], str) and place[-1] in SECRET_WORDS:
        return "the value"
    if isinstance(value, timedelta):
        return duration_text(value)
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "a group of keys"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return redact(text if len(text) <= 80 else text[:77] + '…"')


def _usual(field: FieldInfo | None) -> str:
    if field is None or field.default in (None, PydanticUndefined, ""):
        return ""
    return f"; {_plain(field.default)} is usual"


def _choices(field: FieldInfo | None, place: Key) -> list[str]:
    if field is None:
        return []
    annotation = _bare(field.annotation)
    if _is_item(place):
        annotation = _bare(next(iter(get_args(annotation)), None))
    return [str(choice) for choice in get_args(annotation)]


def _is_item(place: Key) -> bool:
    return bool(place) and isinstance(place[-1], int)


def _hint(field: FieldInfo | None) -> str:
    return f": {field.description}" if field and field.description else "; write it"


def _keys(model: type[BaseModel] | None) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _field(model: type[BaseModel], place: Key) -> FieldInfo | None:
    """The field a value is for; a list's item has its list's."""
    while place and isinstance(place[-1], int):
        place = place[:-1]
    owner = _model_at(model, place[:-1])
    if owner is None or not place:
        return None
    return next((f for name, f in owner.model_fields.items() if (f.alias or name) == place[-1]), None)


def _model_at(model: type[BaseModel], place: Key) -> type[BaseModel] | None:
    current: Any = model
    for part in place:
        if isinstance(part, int):
            current = next(iter(get_args(current)), None)
        elif isinstance(current, type) and issubclass(current, BaseModel):
            field = next((f for name, f in current.model_fields.items() if (f.alias or name) == part), None)
            current = field.annotation if field else None
        else:
            return None
        current = _bare(current)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _bare(annotation: Any) -> Any:
    """Without Annotated and None."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        rest = [part for part in get_args(annotation) if part is not type(None)]
        return _bare(rest[0]) if len(rest) == 1 else annotation
    return annotation
