"""Sentences before the first step about settings that are probably not what a person means."""

from __future__ import annotations

import pytest

from textual_inversion.core.run.advice import plan_advice
from textual_inversion.core.settings.rate_text import parse_schedule
from textual_inversion.core.settings.train_config import TrainConfig


def told(*, start_step: int = 0, native_size: int = 512, **values: object) -> list[str]:
    config = TrainConfig(**{"name": "x", "steps": 1000, "width": 512, "height": 512, **values})
    rate = parse_schedule(config.learning_rate, total_steps=config.steps)
    return list(plan_advice(config, rate, start_step, native_size=native_size))


@pytest.mark.parametrize("size", [(512, 512), (512, 704), (640, 448), (400, 400), (704, 704)])
def test_sizes_near_the_checkpoints_own_pass(size: tuple[int, int]) -> None:
    assert told(width=size[0], height=size[1]) == []


@pytest.mark.parametrize(("side", "native"), [(512, 1024), (512, 64), (256, 512), (1024, 512)])
def test_a_size_that_the_checkpoint_was_not_made_for_is_told(side: int, native: int) -> None:
    (sentence,) = told(width=side, height=side, native_size=native)
    assert sentence.startswith(
        f"Training is at {side}x{side}, and the checkpoint was made for pictures of {native}x{native}."
    )
    assert f"set width and height to {native}" in sentence
    assert told(width=side, height=side, native_size=native, fit="none") == []


def test_the_web_uis_hundred_thousand_steps_are_told_to_be_many() -> None:
    (sentence,) = told(steps=100_000, start_step=300)
    assert sentence.startswith("99700 steps are far more than an embedding needs")
    assert told(steps=20_000) == told(steps=100_000, auto_stop=True) == []


def test_a_falling_rate_on_a_trained_embedding_begins_in_its_middle() -> None:
    (sentence,) = told(learning_rate="0.01 cosine", start_step=600)
    assert "the embedding has had 600 of them: it begins at 0.00345 instead of 0.01" in sentence
    assert told(learning_rate="0.01 cosine") == told(learning_rate="0.01", start_step=600) == []
    assert told(learning_rate="0.01 cosine", start_step=100) == []
