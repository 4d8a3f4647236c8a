"""Less of the U-Net is kept, nothing of it is another number, and every module is afterwards what it was."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from held_memory import HeldMemory
from tiny_variants import VARIANTS
from torch import nn

from textual_inversion.core.model.host import LeaseRequest, Recompute
from textual_inversion.hosts.recompute.recomputation import Recomputation
from textual_inversion.hosts.standalone import StandaloneHost

LEVELS: tuple[Recompute, ...] = ("none", "selective", "full")


def unet_of(kind: str, folder: Path) -> nn.Module:
    host = StandaloneHost(embeddings_dir=folder, checkpoint=VARIANTS[kind].write(folder), device="cpu")
    return host.load().networks.unet


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["sd1", "sd2", "sdxl"])
def test_predictions_and_gradients_are_equal_to_the_last_bit(kind: str, dtype: torch.dtype, tmp_path: Path) -> None:
    unet = unet_of(kind, tmp_path).to(dtype)
    found = []
    for level in LEVELS:
        with Recomputation(unet, level):
            found.append(_prediction_and_gradient(unet, dtype))
    for other in found[1:]:
        assert torch.equal(found[0][0], other[0])
        assert torch.equal(found[0][1], other[1])


def _inputs(unet: nn.Module, dtype: torch.dtype, *, side: int = 16) -> dict[str, torch.Tensor]:
    drawn = torch.Generator().manual_seed(3)
    labels = getattr(unet.config, "projection_class_embeddings_input_dim", None)
    given = {
        "sample": torch.randn(2, 4, side, side, generator=drawn),
        "encoder_hidden_states": torch.randn(2, 77, unet.config.cross_attention_dim, generator=drawn),
        **({"class_labels": torch.randn(2, labels, generator=drawn)} if labels else {}),
    }
    return {name: tensor.to(dtype) for name, tensor in given.items()} | {"timestep": torch.tensor([3, 700])}


def _prediction_and_gradient(unet: nn.Module, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    given = _inputs(unet, dtype)
    context = given["encoder_hidden_states"].requires_grad_()
    prediction = unet(**given, return_dict=False)[0]
    (gradient,) = torch.autograd.grad(prediction.float().square().sum(), context)
    return prediction.detach(), gradient


@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_how_much_less_is_kept(kind: str, tmp_path: Path) -> None:
    unet, held = unet_of(kind, tmp_path), {}
    for level in LEVELS:
        given = _inputs(unet, torch.float32, side=32)
        given["encoder_hidden_states"].requires_grad_()
        with Recomputation(unet, level), HeldMemory() as memory:
            prediction = unet(**given, return_dict=False)[0]
            held[level] = memory.bytes()
        del prediction
    assert held["selective"] < 0.55 * held["none"]
    assert held["full"] < 0.6 * held["selective"]


def test_pictures_come_out_the_same_without_a_gradient(tmp_path: Path) -> None:
    unet = unet_of("sd1", tmp_path)
    with torch.no_grad():
        plain = unet(**_inputs(unet, torch.float32), return_dict=False)[0]
        with Recomputation(unet, "selective"):
            lean = unet(**_inputs(unet, torch.float32), return_dict=False)[0]
    assert torch.equal(plain, lean)


def _look_and_fail(unet: nn.Module, recomputation: Recomputation) -> None:
    changed = sum("forward" in vars(part) for part in unet.modules())
    assert changed == 0 if recomputation.level == "none" else changed > 20
    recomputation.more()
    raise KeyError


@pytest.mark.parametrize("level", LEVELS)
def test_no_module_keeps_anything_of_it(level: Recompute, tmp_path: Path) -> None:
    unet = unet_of("sdxl", tmp_path)
    before = [dict(vars(part)) for part in unet.modules()]
    with pytest.raises(KeyError), Recomputation(unet, level) as recomputation:
        _look_and_fail(unet, recomputation)
    assert [dict(vars(part)) for part in unet.modules()] == before


def test_it_goes_on_to_more_while_it_is_on(tmp_path: Path) -> None:
    unet = unet_of("sd1", tmp_path)
    found = []
    with Recomputation(unet, "none") as recomputation:
        for level in ("selective", "full", None, None):
            found.append(_prediction_and_gradient(unet, torch.float32)[1])
            assert recomputation.more() == level
        assert recomputation.level == "full"
    assert all(torch.equal(found[0], other) for other in found)


def test_a_pairs_halves_may_take_turns_inside(tmp_path: Path) -> None:
    """There the whole prediction is computed again, and the cheap parts a third time."""
    host = StandaloneHost(embeddings_dir=tmp_path, checkpoint=VARIANTS["sd1"].write(tmp_path), device="cpu")
    found = []
    for level in LEVELS:
        with host.lease(LeaseRequest(recompute=level)) as lease:
            live = torch.full((1, 64), 0.1, requires_grad=True)
            told = lease.encode_prompts(["tix"], embeddings={"tix": {"clip_l": live}}, width=64, height=64)
            prediction = torch.utils.checkpoint.checkpoint(
                lease.predict, torch.ones(1, 4, 8, 8), torch.tensor([10]), told, use_reentrant=False
            )
            prediction.square().mean().backward()
            found.append(live.grad)
    assert all(torch.equal(found[0], other) for other in found)


class Block(nn.Module):
    """LDM's residual block, as far as it matters here; the name is what it is known by."""

    def __init__(self) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(nn.GroupNorm(2, 8), nn.SiLU(), nn.Conv2d(8, 8, 3, padding=1))
        self.out_layers = nn.Sequential(nn.GroupNorm(2, 8), nn.SiLU(), nn.Dropout(0.0), nn.Conv2d(8, 8, 3, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.out_layers(self.in_layers(x))


def test_ldms_blocks_are_known_too() -> None:
    block = Block().requires_grad_(False).eval()
    x = torch.randn(1, 8, 16, 16, generator=torch.Generator().manual_seed(0)).requires_grad_()
    held, gradients = {}, []
    for level in ("none", "selective"):
        with Recomputation(block, level), HeldMemory() as memory:  # type: ignore[arg-type]
            out = block(x)
            held[level] = memory.bytes()
        gradients.append(torch.autograd.grad(out.square().sum(), x)[0])
    assert torch.equal(*gradients)
    one = x.numel() * 4
    assert held["none"] == pytest.approx(6 * one, rel=0.05)
    assert held["selective"] == pytest.approx(2 * one, rel=0.05), (
        "its middle and its output; the input was there before"
    )
