"""The scripts as they are written (eslint, prettier), and that they work in any order and under any words of a web UI."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import NEEDS_IT, launched, new_page
from scripted_page import ROOT, ScriptedPage, place

SCRIPTS = sorted((ROOT / "javascript").glob("*.js"))
MODULES = ROOT / "node_modules"
needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (MODULES / "eslint").is_dir(),
    reason="eslint and prettier are not installed: they need Node.js, and 'npm install' in the folder of the clone",
)

GRADIO_3 = """<div class="tabs"><div class="tab-nav"><button>Erstellen</button><button>Üben</button></div>
<div class="tabitem" id="ti-tab-create"></div><div class="tabitem" id="ti-tab-train"></div></div>"""
GRADIO_4 = """<div class="tabs"><button id="ti-tab-create-button">Erstellen</button>
<button id="ti-tab-train-button">Üben</button></div>"""


@needs_node
@pytest.mark.parametrize(
    "command",
    [
        ["eslint/bin/eslint.js", "--max-warnings=0", "javascript"],
        ["prettier/bin/prettier.cjs", "--check", "javascript", "style.css", "eslint.config.mjs", "package.json"],
    ],
    ids=["eslint", "prettier"],
)
def test_scripts_are_written_as_agreed(command: list[str]) -> None:
    tool, *arguments = command
    done = subprocess.run(
        ["node", str(MODULES / tool), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_installed_for_that_is_named_exactly() -> None:
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    assert all(version[0].isdigit() for version in wanted.values())


def test_nothing_is_said_twice_that_all_scripts_share() -> None:
    shared = ("createElement(", "new URL(", "fetch(", "dispatchEvent(new Event(")
    found = {name: [path.name for path in SCRIPTS if name in path.read_text(encoding="utf-8")] for name in shared}
    assert found == {name: ["textual_inversion_tools.js"] for name in shared}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as browser:
        yield browser


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = new_page(browser)
    yield page
    page.scripted.leave()


class TestInABrowser:
    pytestmark = NEEDS_IT

    @pytest.mark.parametrize("scripts", [SCRIPTS, SCRIPTS[::-1]], ids=["by name", "backwards"])
    def test_scripts_load_in_any_order(self, page: Any, scripts: list[Path]) -> None:
        places = "".join(place(name) for name in ("monitor", "cards", "prepare", "library"))
        scripted = ScriptedPage(page, places, scripts=scripts)
        scripted.open()
        for path in ("runs", "embeddings", "prepare/form"):
            scripted.wait(path)
        assert page.faults == []

    @pytest.mark.parametrize("tabs", [GRADIO_3, GRADIO_4], ids=["Gradio 3", "Gradio 4"])
    def test_tabs_are_opened_whatever_their_words_are(self, page: Any, tabs: str) -> None:
        ScriptedPage(page, tabs).open()
        script = """() => {
            const pressed = [];
            for (const button of document.querySelectorAll("button")) button.onclick = () => pressed.push(button.textContent);
            textualInversion.openTab("ti-tab-train");
            return pressed;
        }"""
        assert page.evaluate(script) == ["Üben"]
