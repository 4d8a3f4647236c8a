"""Fields of configuration that carry their own label, help text and limits, so that each is written down once.

Forms, the command line and HTTP are all built from these; none of them repeats a default or a help text.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeVar

from .errors import InputError

_KEY = "option"
T = TypeVar("T")

FileData = Annotated[str, "file"]
"""A field that takes a file, in Base64."""

LongText = Annotated[str, "long text"]
"""A field for more than one line."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """Words and limits of one field, for people. ``low`` and ``high`` are inclusive; ``step`` is a slider's."""

    label: str
    help: str
    group: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    advanced: bool = False
    shown: Mapping[str, str] | None = None
    """Words that forms show for a choice, where they are not its value."""
    suggested: tuple[str, ...] = ()
    """Values that forms offer for a text that may be any other as well."""


def option(default: Any, label: str, **described: Any) -> Any:
    """A dataclass field with an ``Option``; keyword arguments are those of ``Option``."""
    return dataclasses.field(default=default, metadata={_KEY: Option(label=label, **described)})


def options_of(config_class: type) -> dict[str, Option]:
    """The options of a configuration class by field name, in order of definition."""
    return {field.name: field.metadata[_KEY] for field in dataclasses.fields(config_class) if _KEY in field.metadata}


def choices_of(config_class: type, name: str) -> tuple[Any, ...]:
    """The allowed values of a ``Literal`` field; empty for other fields."""
    hint = _hints(config_class)[name]
    return typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()


@cache
def _hints(config_class: type) -> dict[str, Any]:
    """Evaluating them anew for each field would be the greater part of the time that a form takes to be drawn."""
    return typing.get_type_hints(config_class)


def build(config_class: type[T], values: Mapping[str, Any]) -> T:
    """Make a configuration from values by name. Unknown names, wrong types and values out of range are InputErrors."""
    hints = _hints(config_class)
    options = options_of(config_class)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise InputError(
            f"There is no setting called {unknown[0]!r}. The settings are: {', '.join(sorted(hints))}.",
            field=unknown[0],
        )
    checked = {name: _checked(name, hints[name], value, options.get(name)) for name, value in values.items()}
    return config_class(**checked)


def _checked(name: str, hint: Any, value: Any, described: Option | None) -> Any:
    result = _coerced(name, hint, value)
    if described is not None and isinstance(result, (int, float)) and not isinstance(result, bool):
        _check_range(name, result, described)
    return result


def _check_range(name: str, value: float, described: Option) -> None:
    below = described.low is not None and value < described.low
    above = described.high is not None and value > described.high
    if below or above:
        low = "-infinity" if described.low is None else shown_number(described.low)
        high = "infinity" if described.high is None else shown_number(described.high)
        raise InputError(f"{described.label.rstrip('.')}: {value} is not between {low} and {high}.", field=name)


def shown_number(value: float) -> str:
    """As a person writes it: whole numbers with all their digits."""
    return str(value) if isinstance(value, int) else f"{value:g}"


def _coerced(name: str, hint: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None or value == "":
            return None
        return _coerced(name, next(part for part in arguments if part is not type(None)), value)
    if origin is typing.Literal:
        if value in arguments:
            return value
        raise InputError(f"{name}: {_shown(value)} is not one of {', '.join(map(str, arguments))}.", field=name)
    if origin is tuple:
        if value == "":  # an empty field of a form
            return ()
        if isinstance(value, (list, tuple)):
            return tuple(_coerced(name, arguments[0], item) for item in value)
        return (_coerced(name, arguments[0], value),)
    return _scalar(name, hint, value)


def _scalar(name: str, hint: Any, value: Any) -> Any:
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and -1e300 < value < 1e300  # no NaN
    if hint is bool and isinstance(value, bool):
        return value
    if hint is int and number and value == int(value):
        return int(value)
    if hint is float and number:
        return float(value)
    if hint is str and isinstance(value, str):
        return value
    if hint is str and number:
        return str(value)
    wanted = {bool: "yes or no", int: "a whole number", float: "a number", str: "a text"}.get(hint, str(hint))
    raise InputError(f"{name}: {_shown(value)} is not {wanted}.", field=name)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
