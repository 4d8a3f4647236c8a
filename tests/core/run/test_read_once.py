"""What is written as text in the settings is read once, in the checks, and handed on."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from engine_world import World

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
