"""SD.Next beyond its model: login, flags, paths, its account of jobs."""

from __future__ import annotations

import base64
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from textual_inversion.core.base.control import Control
from textual_inversion.core.record.events import Prepared
from textual_inversion.hosts.swapped import swapped

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("load")]


def asked(name: str, password: str) -> Any:
    basic = base64.b64encode(f"{name}:{password}".encode()).decode()
    return SimpleNamespace(headers={"authorization": f"Basic {basic}"}, cookies={}, app=SimpleNamespace(tokens={}))


def test_logins_of_the_command_line_and_of_a_file(tmp_path: Path) -> None:
    from modules import shared

    from textual_inversion.hosts.sdnext.webui import SDNext

    file = tmp_path / "users"
    file.write_text("ann:one, ben:t:wo\n\nbad\n:none\n")
    with swapped(shared.cmd_opts, auth='"cy:three"', auth_file=str(file)):
        webui = SDNext()
    for name, password in (("ann", "one"), ("ben", "t:wo"), ("cy", "three")):
        assert webui.admits(asked(name, password))
    for name, password in (("ann", "two"), ("bad", ""), ("", "none"), ("dan", "one")):
        assert not webui.admits(asked(name, password))
    assert webui.served_names is None
    with swapped(shared.cmd_opts, auth=None, auth_file=None):
        assert SDNext().admits(asked("anyone", ""))


def test_paths_and_names_of_a_server_that_others_reach() -> None:
    from modules import shared

    from textual_inversion.hosts.sdnext.webui import SDNext

    webui = SDNext()
    assert webui.confined_to is None
    with swapped(shared.cmd_opts, listen=True):
        assert webui.confined_to is not None
        with swapped(shared.cmd_opts, insecure=True):
            assert webui.confined_to is None
    with swapped(shared.cmd_opts, cors_origins="http://a.example,https://b.example"):
        assert webui.served_names == ["a.example", "b.example"]


def test_the_tab_says_what_is_not_there() -> None:
    from textual_inversion.hosts.detect import detect
    from textual_inversion.hosts.sdnext.webui import SDNext

    webui = detect()
    assert isinstance(webui, SDNext)
    assert set(webui.lacks) == {"cards"}
    assert webui.cards_html("txt2img") is None


def test_the_queue_is_held_and_shown() -> None:
    from modules import call_queue, shared

    from textual_inversion.hosts.sdnext.webui import SDNext

    webui, control = SDNext(), Control()
    with webui.gate:
        assert call_queue.queue_lock.locked()
        with webui.watch(lambda _: None, control) as emit:
            emit(
                Prepared(
                    name="thing",
                    run_dir="",
                    start_step=5,
                    total_steps=40,
                    pictures=1,
                    vectors=1,
                    checkpoint="c",
                    device="cpu",
                )
            )
            assert (shared.state.sampling_step, shared.state.sampling_steps) == (5, 40)
            assert shared.state.textinfo == "Training thing"
            assert not control.interrupted.is_set()
            shared.state.interrupt()
            assert control.interrupted.is_set()
    assert not call_queue.queue_lock.locked()
    assert shared.state.job == ""
    assert not shared.state.interrupted
