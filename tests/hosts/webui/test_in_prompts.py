"""What was trained, in prompts: by name, weighted, in the negative prompt, and at a step that was kept."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from webui_page import Window
from webui_server import Server

pytestmark = pytest.mark.host
NAME = "stepped1"


@pytest.fixture(scope="module")
def trained(server: Server, pictures: Path) -> str:
    """An embedding of 30 steps, with copies of every tenth."""
    server.create(NAME)
    server.train(NAME, pictures, steps=30, save_every=10)
    assert server.state(NAME, "done", "failed", "stopped")["state"] == "done"
    return NAME


def picture(server: Server, prompt: str, negative: str = "") -> tuple[bytes, str]:
    """The pixels, and the infotext."""
    request = {"prompt": prompt, "negative_prompt": negative, "seed": 5, "steps": 4, "width": 64, "height": 64}
    answer = server.post("/sdapi/v1/txt2img", **request, override_settings={"samples_save": False})
    pixels = Image.open(io.BytesIO(base64.b64decode(answer["images"][0]))).tobytes()
    return pixels, json.loads(answer["info"])["infotexts"][0]


def test_usable_at_once_with_weights_and_in_the_negative_prompt(server: Server, trained: str) -> None:
    plain, infotext = picture(server, f"a photo of a {trained}")
    assert f"{trained}: " in infotext.split("TI hashes")[1]
    others = [
        picture(server, "a photo of a shape")[0],
        picture(server, f"a photo of a ({trained}:1.4)")[0],
        picture(server, f"a photo of a {trained}", negative="a shape")[0],
        picture(server, f"a photo of a {trained}", negative=trained)[0],
    ]
    assert len({plain, *others}) == 5
    assert picture(server, f"a photo of a {trained}")[0] == plain


def test_a_step_that_was_kept(server: Server, trained: str) -> None:
    last, _ = picture(server, f"a photo of a {trained}")
    tenth, infotext = picture(server, f"a photo of a {trained}@10")
    assert tenth != last
    assert picture(server, f"a photo of a {trained}@30")[0] == last
    assert f"{trained}@10" in infotext
    assert picture(server, f"a photo of a {trained}@10") == (tenth, infotext)
    changing = picture(server, f"a photo of a [{trained}@10:{trained}@30:2]")[0]
    assert changing not in (tenth, last)


def test_an_unknown_step_is_told_under_the_picture(trained: str, window: Callable[[], Window]) -> None:
    page = window()
    shown = page.generate(f"a {trained}@3 and a {trained}@10")
    assert f"{trained}@3" in shown
    assert "10, 20, 30" in shown


def test_a_run_outlives_its_pictures(server: Server, trained: str, window: Callable[[], Window]) -> None:
    """The card has what the run wrote on it."""
    page = window()
    page.cards(refresh=False)
    card = page.card(trained)
    assert "30" in card.inner_text()
