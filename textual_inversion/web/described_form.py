"""A request as a page can draw it: what ``core.base.options`` says of each field, fit for JSON."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Collection, Mapping
from typing import Any

from ..core.base.options import FileData, LongText, Option, choices_of, options_of

_KINDS: Mapping[Any, str] = {
    bool: "yes-no",
    int: "number",
    float: "number",
    FileData: "file",
    LongText: "long text",
}


def described_form(
    request: type[Any],
    defaults: Mapping[str, Any] | None = None,
    *,
    choices: Mapping[str, Mapping[str, str]] | None = None,
    skip: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Fields in their order: name, label, help, group, advanced, kind, value, optional, limits, choices, words.

    ``kind``: yes-no, number, text, long text, file (Base64), choice (one of ``choices``), choices (any of them), numbers or
    texts (as many as wanted). ``words``: what to show for each choice. ``optional``: null stands for nothing. ``defaults`` go
    before the class's own; ``choices`` are those of text fields; fields in ``skip`` are left out.
    """
    hints = typing.get_type_hints(request, include_extras=True)
    own = {field.name: field.default for field in dataclasses.fields(request)}
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
            "optional": type(None) in typing.get_args(hints[name]),
            **_kind(request, name, hints[name], described, (choices or {}).get(name)),
        }
        for name, described in options_of(request).items()
        if name not in skip
    ]


def _kind(
    request: type[Any], name: str, hint: Any, described: Option, choices: Mapping[str, str] | None
) -> dict[str, Any]:
    if choices is not None:
        return {"kind": "choice", "choices": list(choices), "words": dict(choices)}
    if one_of := choices_of(request, name):
        return {"kind": "choice", **_words(one_of, described)}
    if typing.get_origin(hint) is tuple:
        part = typing.get_args(hint)[0]
        if any_of := typing.get_args(part):
            return {"kind": "choices", **_words(any_of, described)}
        return {"kind": "texts" if part is str else "numbers", "choices": [], "words": {}}
    return {"kind": _KINDS.get(_without_none(hint), "text"), "choices": [], "words": {}}


def _words(choices: tuple[Any, ...], described: Option) -> dict[str, Any]:
    shown = described.shown or {}
    return {"choices": list(choices), "words": {choice: shown.get(choice, choice) for choice in choices}}


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint
    return next(part for part in typing.get_args(hint) if part is not type(None))
