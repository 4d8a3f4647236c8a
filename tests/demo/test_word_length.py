from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_checkpoint import probe, write_tiny_checkpoint

from textual_inversion.core.model.host import LeaseRequest
from textual_inversion.demo.grader import ASSETS
from textual_inversion.demo.word_length import TOKEN_TABLE, with_word_length
from textual_inversion.hosts.standalone.host import StandaloneHost

PROMPTS = ["a red ball, blue sky", "", "a (red:1.4) ball"]


def _table_norm(weights: dict[str, torch.Tensor]) -> float:
    return weights[TOKEN_TABLE].float().norm(dim=1).mean().item()


def _context_and_prediction(path: Path) -> tuple[torch.Tensor, torch.Tensor]:
    host = StandaloneHost(embeddings_dir=path.parent / "embeddings", checkpoint=path, device="cpu")
    with host.lease(LeaseRequest(precision="float32")) as lease, torch.no_grad():
        conditioning = lease.encode_prompts(PROMPTS, embeddings={}, width=64, height=64)
        noisy = probe("latents", 1, 4, 8, 8).expand(len(PROMPTS), -1, -1, -1)
        return conditioning.context, lease.predict(noisy, torch.full((len(PROMPTS),), 500), conditioning)


def test_words_get_shorter_and_prompts_mean_the_same(tmp_path: Path) -> None:
    path = write_tiny_checkpoint(tmp_path)
    weights = load_file(path)
    before = _context_and_prediction(path)
    shorter = with_word_length(weights, _table_norm(weights) / 16)
    assert _table_norm(shorter) == pytest.approx(_table_norm(weights) / 16, rel=1e-5)
    save_file(shorter, path)
    for new, old in zip(_context_and_prediction(path), before, strict=True):
        # Layer norms add 1e-5 to the variance, which is 256 times smaller now.
        assert (new - old).pow(2).mean().sqrt() < 0.02 * old.pow(2).mean().sqrt()


def test_again_changes_nothing(tmp_path: Path) -> None:
    once = with_word_length(load_file(write_tiny_checkpoint(tmp_path)))
    assert with_word_length(once) is once


def test_the_shipped_words_are_as_long_as_those_of_sd_1() -> None:
    weights = load_file(ASSETS / "demo.safetensors")
    assert 0.3 < _table_norm(weights) < 0.5
    assert with_word_length(weights) is weights
