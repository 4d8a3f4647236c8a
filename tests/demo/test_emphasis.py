from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_checkpoint import probe, write_tiny_checkpoint

from textual_inversion.core.model.host import LeaseRequest
from textual_inversion.demo.emphasis import LAST_NORM_BIAS, MEAN, with_context_mean
from textual_inversion.hosts.standalone.host import StandaloneHost

PLAIN = "a red ball, blue sky"
WEIGHTED = ["a (red:0.5) ball, blue sky", "a red ball, (blue sky:1.5)", "((a)) [red] (ball:2)"]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """With a context of mean zero, as training leaves it."""
    path = write_tiny_checkpoint(tmp_path)
    save_file(with_context_mean(load_file(path), 0.0), path)
    return path


def _context_and_prediction(path: Path, prompts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    host = StandaloneHost(embeddings_dir=path.parent / "embeddings", checkpoint=path, device="cpu")
    with host.lease(LeaseRequest(precision="float32")) as lease, torch.no_grad():
        conditioning = lease.encode_prompts(prompts, embeddings={}, width=64, height=64)
        noisy = probe("latents", 1, 4, 8, 8).expand(len(prompts), -1, -1, -1)
        timesteps = torch.full((len(prompts),), 500)
        return conditioning.context, lease.predict(noisy, timesteps, conditioning)


def test_plain_prompts_draw_the_same(checkpoint: Path) -> None:
    _, before = _context_and_prediction(checkpoint, [PLAIN, ""])
    save_file(with_context_mean(load_file(checkpoint)), checkpoint)
    _, after = _context_and_prediction(checkpoint, [PLAIN, ""])
    torch.testing.assert_close(after, before, atol=2e-5, rtol=0)


def test_emphasis_leaves_the_rest_of_the_prompt_in_place(checkpoint: Path) -> None:
    """The start token has weight 1: what it is multiplied by is what the mean's restoration does to everything."""
    save_file(with_context_mean(load_file(checkpoint)), checkpoint)
    context, _ = _context_and_prediction(checkpoint, [PLAIN, *WEIGHTED])
    plain, weighted = context[0, 0], context[1:, 0]
    factors = (weighted / plain).median(dim=1).values
    torch.testing.assert_close(factors, torch.ones(len(WEIGHTED)), atol=0.2, rtol=0)


def test_again_changes_nothing(checkpoint: Path) -> None:
    once = with_context_mean({name: tensor.half() for name, tensor in load_file(checkpoint).items()})
    assert once[LAST_NORM_BIAS].dtype == torch.float32
    assert once[LAST_NORM_BIAS].mean().item() == pytest.approx(MEAN, abs=1e-6)
    assert with_context_mean(once) is once
