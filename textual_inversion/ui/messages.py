"""Answers of the page as small pieces of HTML in which everything that came from outside is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from ..core.base.errors import UserError
from .ids import LINK, MESSAGE, element_id

Kind = Literal["info", "done", "error"]


@dataclass(frozen=True)
class Folded:
    """Lines that a person unfolds."""

    title: str
    lines: Sequence[str]


def message(
    text: str,
    *,
    kind: Kind = "info",
    field: str = "",
    run: str = "",
    opens: str = "",
    link: tuple[str, str] | None = None,
    notes: Sequence[str] = (),
    folded: Sequence[Folded] = (),
) -> str:
    """``field`` is the id of the widget that the text belongs beside, ``run`` the run that the monitor should show, ``opens`` the
    id of the tab to show then; ``link`` are words to press and the id of the tab that they open."""
    known = (("field", field), ("run", run), ("opens", opens))
    attributes = "".join(f' data-{key}="{escape(value)}"' for key, value in known if value)
    role = "alert" if kind == "error" else "status"
    parts = [escape(text), _listed(notes), *(_fold(each) for each in folded), _button(link)]
    return f'<div class="{MESSAGE} {MESSAGE}-{kind}" role="{role}"{attributes}>{"".join(parts)}</div>'


def _listed(lines: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _button(link: tuple[str, str] | None) -> str:
    if link is None:
        return ""
    words, tab = link
    return f'<button type="button" class="{LINK}" data-ti-open="{escape(tab)}">{escape(words)}</button>'


def _fold(folded: Folded) -> str:
    inside = _listed(folded.lines)
    return f"<details><summary>{escape(folded.title)}</summary>{inside}</details>" if inside else ""


def error_message(error: UserError, *, form: str) -> str:
    """The error beside its field of ``form`` ("train"), or alone where it has none."""
    return message(error.message, kind="error", field=element_id(form, error.field) if error.field else "")
