"""Presets against the numbers of the guides they come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from textual_inversion.core.base.options import build
from textual_inversion.core.loss.guidance_scale import parse_guidance
from textual_inversion.core.settings.presets import PAIR_PRESETS, PLAIN_PRESETS, PRESETS, Preset
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.runs.creation import CreateRequest

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"
BY_NAME = {preset.name: preset for preset in PRESETS}


@pytest.mark.parametrize("preset", PRESETS, ids=[preset.name for preset in PRESETS])
def test_every_preset_can_be_used(preset: Preset) -> None:
    build(CreateRequest, preset.create)
    config = TrainConfig().replace(**preset.train)
    assert (TEMPLATES / config.template).is_file()
    assert preset.label
    assert preset.help
    assert config.apt == preset.create["apt"]  # each switches the mode, so that none is left over from another


def test_the_columns_of_the_mini_guide_for_characters() -> None:
    """Reconstruction, rate, CFG, file words, template, size, steps, EMA; and the vectors, positive and negative."""
    characters = [preset for preset in PAIR_PRESETS if preset.name.startswith("pair-character")]
    vectors = [(preset.create["vectors"], preset.create["negative_vectors"]) for preset in characters]
    assert vectors == [(3, 6), (4, 7), (5, 8), (10, 10), (3, 6)]
    for preset in characters:
        config = TrainConfig().replace(**preset.train)
        assert config.reconstruction == 1
        assert config.learning_rate == ("0.0025" if preset.name == "pair-character-careful" else "0.003")
        assert parse_guidance(config.guidance).typical == 3
        assert not config.negative_filewords
        assert config.template == "subject.txt"
        assert "[filewords]" not in (TEMPLATES / config.template).read_text()
        assert config.steps == (8000 if preset.name == "pair-character-careful" else 6500)
        assert 3000 % config.save_every == 0
        assert config.ema == (0.95 if preset.name == "pair-character-careful" else 0.97)


@pytest.mark.parametrize(("name", "template"), [("", "style.txt"), ("-captions", "style_filewords.txt")])
def test_the_columns_of_the_mini_guide_for_styles(name: str, template: str) -> None:
    preset = BY_NAME[f"pair-style{name}"]
    config = TrainConfig().replace(**preset.train)
    assert (config.reconstruction, config.learning_rate, config.ema) == (1, "5e-3", 0.97)
    assert parse_guidance(config.guidance).typical == 5
    assert (config.template, config.negative_filewords) == (template, True)
    assert 1500 % config.save_every == 0
    assert config.steps == 2000
    assert (preset.create["vectors"], preset.create["negative_vectors"]) == (3, 6)


@pytest.mark.parametrize("preset", PAIR_PRESETS, ids=[preset.name for preset in PAIR_PRESETS])
def test_what_is_advised_for_every_pair(preset: Preset) -> None:
    config = TrainConfig().replace(**preset.train)
    assert (config.width, config.height, config.flip, config.clip_skip) == (512, 512, True, 1)
    assert (config.batch_size, config.gradient_accumulation) == (1, 1)
    assert (config.clip_gradient, config.clip_value) == ("norm", "1")
    assert config.negative_lr_weight == 1
    for advice in ("one clean picture", "0.15", "0.2"):
        assert advice in preset.help


def test_plain_presets_leave_the_pair_alone() -> None:
    assert not any(set(preset.train) & {"guidance", "reconstruction", "ema"} for preset in PLAIN_PRESETS)
