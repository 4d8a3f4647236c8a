"""A configuration class as a page can draw it: what ``core.options`` says of each field, fit for JSON."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any

from ..core.base.options import choices_of, options_of

_KINDS = {bool: "yes-no", int: "number", float: "number"}


def described_form(config_class: type, defaults: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Fields in their order: name, label, help, group, kind, value, limits, choices.

    ``kind``: yes-no, number, text, choice (one of ``choices``) or choices (any of them). ``defaults`` go before the class's.
    """
    hints = typing.get_type_hints(config_class)
    own = {field.name: field.default for field in dataclasses.fields(config_class)}
    return [
        {
            "name": name,
            "label": described.label,
            "help": described.help,
            "group": described.group,
            "advanced": described.advanced,
            "value": (defaults or {}).get(name, own[name]),
            "low": described.low,
            "high": described.high,
            "step": described.step,
            **_kind(config_class, name, hints[name]),
        }
        for name, described in options_of(config_class).items()
    ]


def _kind(config_class: type, name: str, hint: Any) -> dict[str, Any]:
    if choices := choices_of(config_class, name):
        return {"kind": "choice", "choices": list(choices)}
    if typing.get_origin(hint) is tuple:
        return {"kind": "choices", "choices": list(typing.get_args(typing.get_args(hint)[0]))}
    return {"kind": _KINDS.get(hint, "text"), "choices": []}
