"""What the presets' help says was measured, against the results themselves."""

from __future__ import annotations

from statistics import fmean

import pytest

from textual_inversion.core.settings.presets import PAIR_PRESETS, PLAIN_PRESETS
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.study.arm import Arm
from textual_inversion.study.arms import ARMS, find_arm
from textual_inversion.study.concepts import STUDIED
from textual_inversion.study.results import Results

HELP = {preset.name: preset.help for preset in PLAIN_PRESETS}


def percent(arm: str, evaluations: int, kind: str = "concept", *, concept: str | None = None) -> str:
    """A mean over the hidden concepts of the first table, or one of them."""
    names = {concept} if concept else {each.name for each in STUDIED}
    rows = [r for r in Results().of(arm) if r.evaluations == evaluations and r.concept in names]
    return f"{100 * fmean(row.score[kind] for row in rows):.0f}"


def test_subject() -> None:
    text = HELP["subject"]
    assert f"right in {percent('subject', 2000)} of 100 pictures" in text
    assert f"rest of the prompt in {percent('subject', 2000, 'obedience')}" in text
    assert f"settings in {percent('a1111-5000', 5000)}" in text
    assert f"gave {percent('varied', 4000)} and {percent('varied', 4000, 'obedience')}:" in text


def test_style() -> None:
    text = HELP["style"]
    assert f"right in {percent('subject', 2000, concept='framed-style')} of 100 pictures" in text
    assert f"settings in {percent('a1111-5000', 5000, concept='framed-style')}" in text


def test_quick_look() -> None:
    text = HELP["quick-look"]
    assert f"right in {percent('quick-look', 250)} of 100 pictures" in text
    assert f"came to {percent('a1111', 1000)}, and with twenty times to {percent('a1111-5000', 5000)}" in text


def test_one_picture() -> None:
    text = HELP["one-picture"]
    assert f"right in {percent('one-picture', 1000)} of 100 pictures" in text
    assert f"eight pictures of it in {percent('velocity-8', 1000)}:" in text
    assert f"came to {percent('pair', 1000)} there" in text


def test_pairs() -> None:
    ratio = fmean(r.score["concept"] for r in Results().of("one-plain") if r.evaluations == 500) / fmean(
        r.score["concept"] for r in Results().of("pair")
    )
    assert round(ratio) == 3
    assert all("three times as often" in preset.help for preset in PAIR_PRESETS)


@pytest.mark.parametrize(("preset", "arm"), [("subject", "subject"), ("quick-look", "quick-look")])
def test_the_arm_of_a_preset_trains_with_its_settings(preset: str, arm: str) -> None:
    """A step of four accumulated pictures is a step of a batch of four; how often it measures is no part of it."""
    (chosen,) = (each for each in PLAIN_PRESETS if each.name == preset)
    ours, studied = TrainConfig().replace(**chosen.train), TrainConfig().replace(**find_arm(arm).train)
    for name in ("optimizer", "learning_rate", "timesteps", "timestep_bias", "loss_weighting", "min_snr_gamma", "norm_rule", "ema"):  # fmt: skip
        assert getattr(ours, name) == getattr(studied, name), name
    assert ours.batch_size * ours.gradient_accumulation == find_arm(arm).step_size
    assert ours.steps == find_arm(arm).steps
    assert chosen.create["vectors"] == find_arm(arm).create["vectors"]


@pytest.mark.parametrize("arm", ARMS, ids=[arm.name for arm in ARMS])
def test_no_training_was_left_out(arm: Arm) -> None:
    seeds = arm.seeds[:1] if arm.words else arm.seeds
    wanted = {(concept.name, seed) for concept in STUDIED for seed in seeds}
    assert {(row.concept, row.seed) for row in Results().of(arm.name) if row.outcome} == wanted
