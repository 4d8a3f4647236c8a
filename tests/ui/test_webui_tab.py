"""What a web UI cannot do is told in the tab, where it would be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fake_host import FakeHost

from textual_inversion.hosts.webui import ADD_PARTNER, Capability
from textual_inversion.runs.gate import FifoGate
from textual_inversion.runs.manager import RunManager
from textual_inversion.ui.webui_settings import own_settings
from textual_inversion.ui.webui_tab import build_tab
from textual_inversion.web.access import Access


def shown(lacks: dict[Capability, str], folder: Path) -> list[Any]:
    manager = RunManager(FakeHost(folder), FifoGate(), train=lambda *a, **k: pytest.fail("nothing is trained here"))
    tab = build_tab(manager, Access(), lacks=lacks)
    return [*tab.blocks.values()]


def test_all_of_it_where_the_web_ui_can_do_everything(tmp_path: Path) -> None:
    assert not any("No <steps>" in str(getattr(each, "value", "")) for each in shown({}, tmp_path))


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    blocks = shown({"vae": "No VAE.", "steps": "No <steps>.", "cards": "No cards."}, tmp_path)
    told = [str(each.value) for each in blocks if isinstance(each, gr.HTML)]
    assert any("No &lt;steps&gt;." in text for text in told)
    assert any("No cards." in text for text in told)
    assert not any("No VAE." in text for text in told)
    assert [each.interactive for each in blocks if getattr(each, "info", "") == "No VAE."] == [False]


def test_a_setting_that_could_do_nothing_is_not_offered() -> None:
    assert ADD_PARTNER in [setting.key for setting in own_settings()]
    assert ADD_PARTNER not in [setting.key for setting in own_settings({"partner"})]
