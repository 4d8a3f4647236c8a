"""Configuration fields as widgets, and widget values as configuration: both by name, from one description.

Label, help and limits come from ``core.options``; nothing of them is repeated here. Written for Gradio 3.41 and newer.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import gradio as gr

from ..core.base.options import Option, choices_of, options_of
from .ids import element_id

_MOST_SLIDER_STOPS = 600
Maker = Callable[..., Any]


class Form:
    """The widgets of one configuration class. ``show`` draws some of them where it is called.

    ``defaults`` replace the class's own; ``makers`` make the widgets of fields that need one of their own and are called
    with label, info, value and elem_id. ``closed``: fields that cannot be filled in here, and the sentence that says why.
    """

    def __init__(
        self,
        config_class: type,
        *,
        form: str,
        defaults: Mapping[str, Any] | None = None,
        makers: Mapping[str, Maker] | None = None,
        closed: Mapping[str, str] | None = None,
    ) -> None:
        self.options = options_of(config_class)
        self.widgets: dict[str, Any] = {}
        self._class, self._form = config_class, form
        self._hints = typing.get_type_hints(config_class)
        own = {field.name: field.default for field in dataclasses.fields(config_class)}
        self._defaults = {**own, **(defaults or {})}
        self._makers, self._closed = makers or {}, closed or {}

    def names(self, *, group: str, advanced: bool) -> list[str]:
        """The fields of a group, in their order."""
        return [n for n, option in self.options.items() if option.group == group and option.advanced == advanced]

    def show(self, names: Iterable[str]) -> None:
        """Draw widgets, short ones two in a row."""
        for row in _rows(list(names), self._is_wide):
            if len(row) == 1:
                self.widget(row[0])
                continue
            with gr.Row():
                for name in row:
                    self.widget(name)

    def widget(self, name: str) -> Any:
        """Draw one."""
        option = self.options[name]
        common = {
            "label": option.label,
            "info": option.help,
            "value": self.shown(name, self._defaults[name]),
            "elem_id": element_id(self._form, name),
        }
        if name in self._closed:
            common.update(info=self._closed[name], interactive=False)
        make = self._makers.get(name) or self._maker(name, option)
        self.widgets[name] = make(**common)
        return self.widgets[name]

    def choices(self, name: str) -> list[str]:
        """List the choices of a field."""
        return [self.shown(name, choice) for choice in choices_of(self._class, name)]

    def shown(self, name: str, value: Any) -> Any:
        """Translate a value of the configuration to what the widget of its field holds."""
        if (option := self.options[name]).shown is not None:
            return option.shown.get(value, value)
        return "\n".join(map(str, value)) if isinstance(value, (tuple, list)) else value

    def updates(self, values: Mapping[str, Any]) -> list[Any]:
        """For an event with ``inputs`` as outputs: fills in those fields, and leaves the others alone."""
        return [
            gr.update(value=self.shown(name, values[name])) if name in values else gr.update() for name in self.widgets
        ]

    @property
    def inputs(self) -> list[Any]:
        """List the components that an event of this form takes in; ``values`` reads them."""
        return list(self.widgets.values())

    def values(self, given: Sequence[Any]) -> dict[str, Any]:
        """Read what came from ``inputs``, by field name and fit for ``build``."""
        return {name: self._read(name, value) for name, value in zip(self.widgets, given, strict=True)}

    def _read(self, name: str, value: Any) -> Any:
        if shown := self.options[name].shown:
            value = next((choice for choice, words in shown.items() if words == value), value)
        if typing.get_origin(self._hints[name]) is tuple:
            return [line.strip() for line in (value or "").splitlines() if line.strip()]
        if _optional(self._hints[name]) in (int, float) and isinstance(value, str):
            return _number(value.strip())
        if isinstance(value, str) and self._hints[name] is str:
            return value if name == "filename_join" else value.strip()
        return "" if value is None and self._hints[name] is str else value

    def _maker(self, name: str, option: Option) -> Maker:
        hint = self._hints[name]
        if hint is bool:
            return gr.Checkbox
        if choices := self.choices(name):
            return _with(gr.Dropdown, choices=choices)
        if option.suggested:
            return _with(gr.Dropdown, choices=list(option.suggested), allow_custom_value=True)
        if _is_slider(hint, option):
            return _with(gr.Slider, minimum=option.low, maximum=option.high, step=option.step)
        if hint is int:
            return _with(gr.Number, precision=0)
        if _optional(hint) in (int, float):  # an empty gr.Number is 0 in Gradio 4
            return _with(gr.Textbox, max_lines=1)
        if hint is float:
            return gr.Number
        return _with(gr.Textbox, lines=2) if typing.get_origin(hint) is tuple else gr.Textbox

    def _is_wide(self, name: str) -> bool:
        hint = self._hints[name]
        listed = choices_of(self._class, name) or self.options[name].suggested
        return (hint is str and not listed) or typing.get_origin(hint) is tuple


def _with(component: Maker, **fixed: Any) -> Maker:
    return lambda **common: component(**common, **fixed)


def _is_slider(hint: Any, option: Option) -> bool:
    """Only where every stop can be hit with a mouse, and no value may be left empty."""
    if hint not in (int, float) or option.low is None or option.high is None or not option.step:
        return False
    return (option.high - option.low) / option.step <= _MOST_SLIDER_STOPS


def _optional(hint: Any) -> Any:
    """``int`` for ``int | None``; None for other hints."""
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return None
    return next(part for part in typing.get_args(hint) if part is not type(None))


def _number(text: str) -> Any:
    """None for nothing; what is no number stays a text, which is then refused beside its field."""
    if not text or text.isdecimal():
        return int(text) if text else None
    try:
        return float(text)
    except ValueError:
        return text


def _rows(names: Sequence[str], is_wide: Callable[[str], bool]) -> Iterator[list[str]]:
    row: list[str] = []
    for name in names:
        if is_wide(name):
            if row:
                yield row
            row = []
            yield [name]
            continue
        row.append(name)
        if len(row) == 2:
            yield row
            row = []
    if row:
        yield row
