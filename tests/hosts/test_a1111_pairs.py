"""Pairs in a real AUTOMATIC1111: cards without notes, and negative halves that are added to the negative prompt."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from host_bench import Bench

from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.formats import write_embedding

pytestmark = pytest.mark.host


@pytest.fixture
def pair(sd1: Bench, webui: Any) -> Iterator[Path]:
    """DreamArtist's: two files that say nothing of each other."""
    folder = webui.host.embeddings_dir
    width = next(iter(sd1.live().values()))["clip_l"].shape[-1]
    for name in ("dream", "dream-neg"):
        write_embedding(Embedding(vectors={"*": torch.ones(1, width)}, name=name, step=1), folder / f"{name}.pt")
        webui.host.publish(folder / f"{name}.pt")
    yield folder
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.fixture
def setting(pair: Path, webui: Any) -> Iterator[dict[str, Any]]:
    """Ours in force, and the web UI's settings."""
    from modules import shared

    from textual_inversion.hosts.webui_page.pair_prompts import AddPartner

    ours = AddPartner(webui.known_names)
    before = dict(shared.opts.data)
    yield shared.opts.data
    shared.opts.data.clear()
    shared.opts.data.update(before)
    ours.remove()


def made(prompt: str, negative: str = "", **more: Any) -> Any:
    from modules.processing import StableDiffusionProcessingTxt2Img

    request = StableDiffusionProcessingTxt2Img(prompt=prompt, negative_prompt=negative, batch_size=2, **more)
    request.setup_prompts()
    return request


def test_only_where_it_is_wanted(setting: dict[str, Any]) -> None:
    from textual_inversion.hosts.webui import ADD_PARTNER

    assert made("a dream").all_negative_prompts == ["", ""]
    setting[ADD_PARTNER] = True
    request = made("a dream", "blurry")
    assert request.all_negative_prompts == ["dream-neg, blurry"] * 2
    assert request.main_negative_prompt == "dream-neg, blurry"
    assert made("a dream", "dream-neg").all_negative_prompts == ["dream-neg"] * 2
    assert made("a cat", "blurry").all_negative_prompts == ["blurry"] * 2


def test_the_second_pass_has_it_too(setting: dict[str, Any]) -> None:
    from textual_inversion.hosts.webui import ADD_PARTNER

    setting[ADD_PARTNER] = True
    request = made("a cat", enable_hr=True, hr_prompt="a dream", hr_negative_prompt="dark")
    assert request.all_negative_prompts == ["", ""]
    assert request.all_hr_negative_prompts == ["dream-neg, dark"] * 2
    assert made("a dream", enable_hr=True).all_hr_negative_prompts == ["dream-neg"] * 2


def test_removed_without_a_trace(setting: dict[str, Any], webui: Any) -> None:
    from modules import processing

    from textual_inversion.hosts.webui_page.pair_prompts import AddPartner

    kinds = processing.StableDiffusionProcessing, processing.StableDiffusionProcessingTxt2Img
    before = [vars(kind)["setup_prompts"] for kind in kinds]
    AddPartner(webui.known_names).remove()
    assert [vars(kind)["setup_prompts"] for kind in kinds] == before


def test_cards_of_a_pair_without_notes(pair: Path, webui: Any) -> None:
    from textual_inversion.hosts.webui_page import cards

    page = SimpleNamespace(lister=SimpleNamespace(exists=lambda path: Path(path).exists()))
    positive = cards._clicked(page, {"name": "dream", "filename": str(pair / "dream.pt")}, webui.known_names())
    assert "textualInversionCard(this, &quot;dream&quot;, &quot;dream-neg&quot;)" in positive["onclick"]
    assert positive["negative_prompt"] == '"dream-neg"'
    negative = cards._clicked(page, {"name": "dream-neg", "filename": str(pair / "dream-neg.pt")}, webui.known_names())
    assert "textualInversionCard(this, &quot;&quot;, &quot;dream-neg&quot;)" in negative["onclick"]
