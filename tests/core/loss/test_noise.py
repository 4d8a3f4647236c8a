"""Noise and noising."""

from __future__ import annotations

import math

import pytest
import torch

from textual_inversion.core.loss.noise import add_noise, draw_noise, velocity


def _draw(**changes: object) -> torch.Tensor:
    values: dict[str, object] = {"seed": 1, "purpose": "noise", "indices": (4, 0), "offset": 0.0, **changes}
    return draw_noise((2, 4, 32, 32), **values)  # type: ignore[arg-type]


def test_noise_is_normal_and_decided_by_its_arguments() -> None:
    noise = _draw()
    assert noise.mean().item() == pytest.approx(0, abs=0.05)
    assert noise.std().item() == pytest.approx(1, abs=0.05)
    torch.manual_seed(5)
    assert torch.equal(_draw(), noise)
    for change in ({"seed": 2}, {"purpose": "other"}, {"indices": (4, 1)}, {"indices": (0, 4)}):
        assert not torch.equal(_draw(**change), noise)


def test_an_offset_adds_one_value_to_each_channel() -> None:
    added = _draw(offset=0.5) - _draw()
    assert added.std(dim=(2, 3)).max().item() < 1e-6
    assert added[:, :, 0, 0].unique().numel() == 8
    assert 0.1 < added[:, :, 0, 0].std().item() < 1.0


def test_noising_mixes_by_the_square_roots() -> None:
    alpha_bar = torch.tensor([1.0, 0.64, 0.0], dtype=torch.float64)
    latents, noise = torch.full((3, 1, 1, 1), 2.0), torch.full((3, 1, 1, 1), 5.0)
    noisy = add_noise(latents, noise, alpha_bar)
    assert noisy.flatten().tolist() == pytest.approx([2.0, 0.8 * 2 + 0.6 * 5, 5.0])
    assert noisy.dtype == torch.float32


def test_the_roots_are_taken_before_rounding() -> None:
    """LDM's first step has 1 - a = 0.00085; in float32 that difference would be wrong in its fifth digit."""
    a = 1 - 0.00085
    noisy = add_noise(torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1), torch.tensor([a], dtype=torch.float64))
    assert noisy.item() == pytest.approx(math.sqrt(1 - a), rel=1e-7)


def test_velocity_and_noisy_latents_give_picture_and_noise_back() -> None:
    latents, noise = torch.randn(3, 2, 4, 4), torch.randn(3, 2, 4, 4)
    alpha_bar = torch.tensor([0.999, 0.5, 0.01], dtype=torch.float64)
    noisy, v = add_noise(latents, noise, alpha_bar), velocity(latents, noise, alpha_bar)
    signal, rest = (root.float().reshape(3, 1, 1, 1) for root in (alpha_bar.sqrt(), (1 - alpha_bar).sqrt()))
    assert torch.allclose(signal * noisy - rest * v, latents, atol=1e-5)
    assert torch.allclose(rest * noisy + signal * v, noise, atol=1e-5)
