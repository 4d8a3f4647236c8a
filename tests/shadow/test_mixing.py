"""Tensors of the CPU beside those of the device are taken and refused as CUDA takes and refuses them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

Operation = Callable[[Tensor, Tensor, Tensor], object]
"""Of a tensor on the device [3, 4], one on the CPU [3, 4], and the CPU's indices [2]."""

REFUSED: dict[str, Operation] = {
    "add": lambda d, c, i: d + c,
    "add in place": lambda d, c, i: d.add_(c),
    "add in place to the CPU's": lambda d, c, i: c.add_(d),
    "add to the CPU's number in place": lambda d, c, i: torch.tensor(1.0).add_(d.sum()),
    "out of another device": lambda d, c, i: torch.add(d, d, out=c),
    "cat": lambda d, c, i: torch.cat([d, c]),
    "stack": lambda d, c, i: torch.stack([c, d]),
    "matmul": lambda d, c, i: d @ c.t(),
    "linear with the CPU's weight": lambda d, c, i: functional.linear(d, c),
    "layer_norm with the CPU's weight": lambda d, c, i: functional.layer_norm(d, (4,), c[0]),
    "convolution with the CPU's weight": lambda d, c, i: functional.conv1d(d[None], c[:, :3, None]),
    "attention": lambda d, c, i: functional.scaled_dot_product_attention(d[None, None], c[None, None], c[None, None]),
    "mask of attention": lambda d, c, i: functional.scaled_dot_product_attention(
        d[None, None], d[None, None], d[None, None], attn_mask=torch.zeros(3, 3)
    ),
    "index_select": lambda d, c, i: d.index_select(0, i),
    "gather": lambda d, c, i: d.gather(0, i[:, None]),
    "scatter": lambda d, c, i: d.scatter(0, i[:, None], 1.0),
    "scatter of the CPU's": lambda d, c, i: d.scatter(0, i[:, None].to("shadow"), c),
    "index_add": lambda d, c, i: d.index_add(0, i, d[:2]),
    "index_copy": lambda d, c, i: d.index_copy(0, i, d[:2]),
    "take": lambda d, c, i: d.take(i),
    "embedding by the CPU's indices": lambda d, c, i: functional.embedding(i, d),
    "embedding of the CPU's table": lambda d, c, i: functional.embedding(i.to("shadow"), c),
    "the CPU's tensor by the device's indices": lambda d, c, i: c[i.to("shadow")],
    "the CPU's rows set by indices": lambda d, c, i: d.__setitem__(i, c[:2]),
    "the CPU's rows put in": lambda d, c, i: d.index_put((i,), c[:2]),
    "where": lambda d, c, i: torch.where(d > 0, d, c),
    "where of the CPU's condition": lambda d, c, i: torch.where(c > 0, d, d),
    "masked_fill by the CPU's mask": lambda d, c, i: d.masked_fill(c > 0, 0.0),
    "compare": lambda d, c, i: d == c,
    "clamp with the CPU's numbers": lambda d, c, i: d.clamp(torch.tensor(0.0), torch.tensor(1.0)),
    "two of the CPU's numbers": lambda d, c, i: torch.addcmul(d, torch.tensor(1.0), torch.tensor(2.0)),
    "lerp": lambda d, c, i: torch.lerp(d, c, 0.5),
    "mse_loss": lambda d, c, i: functional.mse_loss(d, c),
    "cross_entropy": lambda d, c, i: functional.cross_entropy(d[:2], i),
    "equal": lambda d, c, i: torch.equal(d, c),
    "grid_sample": lambda d, c, i: functional.grid_sample(d[None, None], torch.zeros(1, 2, 2, 2)),
    "repeat_interleave": lambda d, c, i: torch.repeat_interleave(d, torch.tensor([1, 2, 3]), dim=0),
    "optimiser's step": lambda d, c, i: torch._foreach_add_([d], [c]),
}
TAKEN: dict[str, Operation] = {
    "the CPU's number": lambda d, c, i: d + torch.tensor(2.0),
    "the CPU's number first": lambda d, c, i: torch.tensor(2.0) * d,
    "the CPU's number in place": lambda d, c, i: d.mul_(torch.tensor(2.0)),
    "a power": lambda d, c, i: d ** torch.tensor(2.0),
    "compare with a number": lambda d, c, i: d > torch.tensor(0.5),
    "where with numbers": lambda d, c, i: torch.where(d > 0, torch.tensor(1.0), torch.tensor(0.0)),
    "masked_fill with a number": lambda d, c, i: d.masked_fill(d > 0, torch.tensor(0.0)),
    "fill with a number": lambda d, c, i: d.fill_(torch.tensor(3.0)),
    "lerp with a number": lambda d, c, i: torch.lerp(d, d + 1, torch.tensor(0.25)),
    "maximum": lambda d, c, i: torch.maximum(d, torch.tensor(0.5)),
    "by indices": lambda d, c, i: d[i],
    "by a mask": lambda d, c, i: d[c > 0],
    "by indices of both": lambda d, c, i: d[i.to("shadow"), i],
    "rows put in": lambda d, c, i: d.index_put((i,), d[:2]),
    "a number put in": lambda d, c, i: d.index_put((i,), torch.tensor(7.0)),
    "rows set": lambda d, c, i: d.__setitem__(slice(2), c[:2]) or d,
    "the CPU's tensor set": lambda d, c, i: c.__setitem__(slice(2), d[:2]) or d,
    "copy": lambda d, c, i: d.copy_(c),
    "foreach with a number": lambda d, c, i: torch._foreach_mul([d], torch.tensor(2.0))[0],
}


@pytest.fixture
def tensors(shadow) -> tuple[Tensor, Tensor, Tensor]:
    plain = torch.linspace(-1, 1, 12).reshape(3, 4)
    return plain.to("shadow"), plain.clone(), torch.tensor([0, 2])


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_as_on_cuda(tensors, name):
    kinds = "same device|same$|should be the same|on cpu, but|different from|either on cpu|on the same"
    with pytest.raises(RuntimeError, match=f"{kinds}|too many CPU scalars"):
        REFUSED[name](*tensors)


@pytest.mark.parametrize("name", TAKEN)
def test_is_taken_as_on_cuda(tensors, name):
    device, plain, indices = tensors
    result = TAKEN[name](device, plain.clone(), indices)
    assert result.device.type == "shadow"


def test_what_is_taken_has_the_results_of_the_cpu(tensors):
    device, plain, indices = tensors
    for name in ("the CPU's number", "where with numbers", "by indices", "by a mask", "rows put in", "maximum"):
        operation = TAKEN[name]
        torch.testing.assert_close(operation(device, plain, indices).cpu(), operation(plain, plain, indices))


def test_words_are_those_that_torch_says_of_cuda(tensors):
    device, plain, _ = tensors
    with pytest.raises(RuntimeError, match="found at least two devices, shadow:0 and cpu!"):
        device + plain
    with pytest.raises(
        RuntimeError, match="indices should be either on cpu or on the same device as the indexed tensor"
    ):
        plain[torch.tensor([0], device="shadow")]


def test_operations_that_cuda_does_not_have(tensors):
    device, _, indices = tensors
    with pytest.raises(NotImplementedError, match="histogram.*CUDA"):
        torch.histogram(device, 3)
    whole = indices.to("shadow")[None]
    with pytest.raises(NotImplementedError, match="not implemented on CUDA for torch.int64"):
        whole @ whole.t()


def test_a_generator_of_the_cpu_is_refused(shadow):
    with pytest.raises(RuntimeError, match="Expected a 'shadow' device type for generator but found 'cpu'"):
        torch.randn(3, device="shadow", generator=torch.Generator("cpu"))
