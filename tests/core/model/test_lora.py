"""LoRAs as a person names them."""

from __future__ import annotations

import pytest

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.model.lora import LoraUse, parse_loras


@pytest.mark.parametrize(
    ("text", "file", "weight"),
    [
        ("a.safetensors", "a.safetensors", 1.0),
        (" loras/a b.safetensors:0.8 ", "loras/a b.safetensors", 0.8),
        ("a.safetensors:-1", "a.safetensors", -1.0),
        (r"C:\loras\a.safetensors", r"C:\loras\a.safetensors", 1.0),
        (r"C:\loras\a.safetensors:.5", r"C:\loras\a.safetensors", 0.5),
        ('"C:/my loras/a.safetensors":2', "C:/my loras/a.safetensors", 2.0),
    ],
)
def test_a_file_and_perhaps_a_weight(text: str, file: str, weight: float) -> None:
    assert parse_loras([text]) == (LoraUse(file=file, weight=weight),)


def test_empty_lines_are_passed_over_and_order_is_kept() -> None:
    assert [use.file for use in parse_loras(["b", "", "  ", "a"])] == ["b", "a"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([":0.5"], "names no LoRA file"),
        (["a:nan"], "weight of the LoRA a is nan"),
        (["a:99"], "between -10 and 10"),
        (["a:0.5", "a:0.7"], "named twice"),
    ],
)
def test_mistakes(texts: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_loras(texts)
    assert caught.value.field == "lora"


def test_a_note_names_no_folder() -> None:
    assert LoraUse(file=r"C:\Users\me\style.safetensors", weight=0.8).shown == "style.safetensors at 0.8"
    assert LoraUse(file="/home/me/style.safetensors").shown == "style.safetensors at 1"
