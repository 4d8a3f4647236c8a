"""Texts of the settings are read once, in the checks, and handed on; pictures are decoded once, when they are encoded."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from engine_world import World
from PIL import Image

from textual_inversion.core.dataset import decode
from textual_inversion.core.pictures import open as opening
from textual_inversion.core.record.events import Encoding, Event, Prepared
from textual_inversion.core.run import checks, negative_half
from textual_inversion.core.settings import rate_text


def test_schedules_and_guidance_are_read_once_a_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read: Counter[str] = Counter()

    def counting(module: Any, name: str) -> None:
        original = getattr(module, name)

        def counted(text: str, **options: Any) -> Any:
            read[text] += 1
            return original(text, **options)

        monkeypatch.setattr(module, name, counted)

    counting(checks, "parse_schedule")
    counting(negative_half, "parse_guidance")
    monkeypatch.setattr(rate_text, "parse_schedule", lambda *_, **__: pytest.fail("read by someone else"))
    world.create(apt=True)
    settings = {"learning_rate": "0.01:5, 0.001", "clip_value": "0.5", "clip_gradient": "norm", "guidance": "2.5"}
    finished = world.train(world.config(apt=True, steps=8, image_every=4, save_every=4, evaluate_every=4, **settings))
    assert finished.outcome == "done"
    assert read == {"0.01:5, 0.001": 1, "0.5": 1, "2.5": 1}


def test_checks_decode_no_picture(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(3):
        Image.new("RGBA", (64, 64), (9, 9, 9, 60)).save(world.folder / "pictures" / f"{index}.webp")
    world.create()
    monkeypatch.setattr(opening, "open_picture", lambda _: pytest.fail("decoded"))
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    job = checks.prepare(world.config(), world.host, resume=None, from_step=None)
    assert len(job.dataset.items) == 6


@pytest.mark.parametrize("settings", [{}, {"flip": True, "masks": True}, {"apt": True, "reconstruction": 1.0}], ids=str)
def test_a_run_decodes_each_file_once_and_before_its_first_step(
    world: World, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    Image.new("L", (64, 64), 200).save(world.folder / "pictures" / "0_mask.png")
    world.create(apt="apt" in settings)
    opened: Counter[str] = Counter()
    original = decode.open_picture

    def counting(path: Path) -> Any:
        opened[path.name] += 1
        return original(path)

    def after_encoding(event: Event) -> None:
        if isinstance(event, Encoding) and event.done == event.total:
            monkeypatch.setattr(decode, "open_picture", lambda _: pytest.fail("decoded again"))

    monkeypatch.setattr(decode, "open_picture", counting)
    world.on_event = after_encoding
    assert world.train(world.config(steps=5, evaluate_every=2, **settings)).outcome == "done"
    assert len(world.of(Prepared)) == 1
    masks = {"0_mask.png": 1} if settings.get("masks") else {}
    assert opened == {"0.png": 1, "1.png": 1, "2.png": 1, **masks}
