"""Loaded by a web UI: whatever goes wrong is one line on the console, never a traceback, and the web UI goes on."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

from textual_inversion.core.base.errors import InputError
from textual_inversion.webui_start import sentence, told

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "scripts" / "textual_inversion_tab.py"


def run_script(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines that the script prints as a web UI runs it."""
    runpy.run_path(str(SCRIPT))
    told = capsys.readouterr()
    assert told.err == ""
    return told.out.splitlines()


def test_outside_a_web_ui(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = run_script(capsys)
    assert line.startswith("Textual Inversion: No web UI was found")


def test_an_unsupported_one(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such(_name: str) -> bool:
        raise ModuleNotFoundError("No module named 'modules.initialize_util'")

    monkeypatch.setattr("textual_inversion.hosts.detect._importable", no_such)
    (line,) = run_script(capsys)
    assert "The tab is not there, and the web UI goes on without it" in line
    assert "modules.initialize_util" in line
    assert "report this line" in line


def test_a_broken_package(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual_inversion.ui.extension", None)
    (line,) = run_script(capsys)
    assert "ModuleNotFoundError" in line or "ImportError" in line


def test_errors_made_for_people_are_told_as_they_are() -> None:
    assert sentence(InputError("Choose one.", field="x"), wrong_packages=list) == "Choose one."


def test_wrong_packages_are_the_reason() -> None:
    found = sentence(KeyError("x"), wrong_packages=lambda: ["safetensors is missing: 0.4 or newer is needed."])
    assert found == "The tab is not there. safetensors is missing: 0.4 or newer is needed."


def test_an_error_of_several_lines_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise RuntimeError("first\n  second")

    assert told(fails)() is None
    (line,) = capsys.readouterr().out.splitlines()
    assert "RuntimeError: first second" in line


def test_what_works_answers() -> None:
    assert told(lambda x: x + 1)(1) == 2


def test_styles_reach_nothing_but_ours() -> None:
    """A web UI loads them into its page, with a tab of ours or without."""
    text = re.sub(r"/\*.*?\*/", "", (ROOT / "style.css").read_text(encoding="utf-8"), flags=re.DOTALL)
    preludes = re.findall(r"(?:^|[{}])\s*([^{}@;]+?)\s*\{", text)
    selectors = [each for prelude in preludes for each in _selectors(prelude)]
    steps = re.compile(r"from|to|\d+%")
    assert [each for each in selectors if not re.search(r"[.#\[][\w-]*ti-", each) and not steps.fullmatch(each)] == []
    assert len(selectors) > 100


def _selectors(prelude: str) -> list[str]:
    """Split at the commas that stand in no brackets."""
    parts, depth = [""], 0
    for character in prelude:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]
