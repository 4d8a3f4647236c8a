"""Answers of the page as small pieces of HTML in which everything that came from outside is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Literal

from ..core.base.errors import UserError
from .ids import MESSAGE, element_id

Kind = Literal["info", "done", "error"]


def message(text: str, *, kind: Kind = "info", field: str = "", run: str = "", notes: Sequence[str] = ()) -> str:
    """``field`` is the id of the widget that the text belongs beside, ``run`` the run that the monitor should show."""
    attributes = "".join(f' data-{key}="{escape(value)}"' for key, value in (("field", field), ("run", run)) if value)
    role = "alert" if kind == "error" else "status"
    lines = "".join(f"<li>{escape(note)}</li>" for note in notes)
    listed = f"<ul>{lines}</ul>" if lines else ""
    return f'<div class="{MESSAGE} {MESSAGE}-{kind}" role="{role}"{attributes}>{escape(text)}{listed}</div>'


def error_message(error: UserError, *, form: str) -> str:
    """The error beside its field of ``form`` ("train"), or alone where it has none."""
    return message(error.message, kind="error", field=element_id(form, error.field) if error.field else "")
