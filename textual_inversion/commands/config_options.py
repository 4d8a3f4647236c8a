"""Options of the command line made from a configuration class: names, types, limits and help are written there only."""

from __future__ import annotations

import argparse
import dataclasses
import math
import types
import typing
from collections.abc import Collection, Mapping
from typing import Any

from ..core.base.options import Option, choices_of, options_of, shown_number

_NAMES = {"preview_prompts": "--preview-prompt"}
"""Options whose name is not that of the field; the field's own name is understood too."""

_STAND_FOR = {
    "data": "DIR",
    "log_dir": "DIR",
    "template": "FILE_OR_NAME",
    "preview_prompts": "P",
    "vae": "FILE",
    "optimizer": "NAME",
    "lora": "FILE[:WEIGHT]",
}
"""The placeholder for the value in the help, where TEXT says too little."""


def add_config_options(
    parser: argparse.ArgumentParser,
    config_class: type,
    *,
    skip: Collection[str] = (),
    defaults: Mapping[str, str] | None = None,
) -> None:
    """An option for every field but those in ``skip``; what is not typed is absent from the parsed arguments.

    ``defaults`` tells, for the help, what stands in for a field's own default.
    """
    hints = typing.get_type_hints(config_class)
    own = {field.name: _shown(field.default) for field in dataclasses.fields(config_class)}
    groups: dict[str, argparse._ArgumentGroup] = {}
    for name, described in options_of(config_class).items():
        if name in skip:
            continue
        if described.group not in groups:
            groups[described.group] = parser.add_argument_group(described.group)
        groups[described.group].add_argument(
            *option_strings(name),
            dest=name,
            default=argparse.SUPPRESS,
            help=_help(described, (defaults or {}).get(name, own[name])),
            **(_kind(hints[name], choices_of(config_class, name)) | _metavar(name)),
        )


def given(arguments: argparse.Namespace, config_class: type) -> dict[str, Any]:
    """The fields of ``config_class`` that were typed."""
    return {name: value for name, value in vars(arguments).items() if name in options_of(config_class)}


def option_strings(name: str) -> tuple[str, ...]:
    """Spell the options of a field; the form that the help shows first comes first."""
    plain = f"--{name.replace('_', '-')}"
    return (_NAMES[name], plain) if name in _NAMES else (plain,)


def _kind(hint: Any, choices: tuple[Any, ...]) -> dict[str, Any]:
    if choices:
        return {"choices": choices}
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if hint is bool:
        return {"action": argparse.BooleanOptionalAction}
    if typing.get_origin(hint) is tuple:
        one_of = typing.get_args(typing.get_args(hint)[0])
        return {"action": "append", **({"choices": one_of} if one_of else {"metavar": "TEXT"})}
    return {int: {"type": whole_number, "metavar": "N"}, float: {"type": number, "metavar": "X"}}.get(
        hint, {"metavar": "TEXT"}
    )


def _metavar(name: str) -> dict[str, Any]:
    return {"metavar": _STAND_FOR[name]} if name in _STAND_FOR else {}


def whole_number(text: str) -> int:
    """As `int`, with a sentence for people; 10,000 and 10_000 are 10000."""
    try:
        return int(text.replace(",", ""))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def counted(text: str) -> int:
    """A whole number of things: 1 or more."""
    value = whole_number(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is too few; 1 or more can be had")
    return value


def number(text: str) -> float:
    """As `float`, with a sentence for people; NaN and infinity are none."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return value


def _help(described: Option, default: str) -> str:
    limits = ""
    if described.low is not None and described.high is not None:
        limits = f"{shown_number(described.low)} to {shown_number(described.high)}; "
    return f"{described.help} ({limits}default: {default})".replace("%", "%%")


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    if default in (None, "", ()):
        return "none"
    return repr(default) if default == " " else str(default)
