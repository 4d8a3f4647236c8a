from __future__ import annotations

from textual_inversion.core.base.errors import InputError
from textual_inversion.ui.messages import error_message, message


def test_what_came_from_outside_is_text() -> None:
    nasty = '<img src=x onerror="alert(1)">'
    made = message(nasty, field=nasty, run=nasty, notes=[nasty])
    assert "<img" not in made
    assert made.count("&lt;img") == 4
    assert 'onerror="' not in made


def test_an_error_names_its_field() -> None:
    made = error_message(InputError("Too many steps.", field="steps"), form="train")
    assert 'data-field="ti-train-steps"' in made
    assert 'role="alert"' in made
    assert "data-field" not in error_message(InputError("No."), form="train")
