"""Paths that no disk has: reading is never told as writing, and it is no fault of the program."""

from __future__ import annotations

import pytest

from textual_inversion.cli import main

LONG = "a" * 300


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", LONG],
        ["check", f"{LONG}*3"],
        ["inspect", f"{LONG}.pt"],
        ["convert", f"{LONG}.pt", "x.safetensors"],
        ["preprocess", LONG, "there"],
        ["caption", LONG, "--with", "blip"],
        ["train", "x", "--config", LONG],
    ],
)
def test_too_long_a_name(arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "Cannot write" not in said
