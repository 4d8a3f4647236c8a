"""Fused attention on the device: results, gradients, and what it keeps for them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention


def _inputs(width: int = 8, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    generator = torch.Generator("cpu").manual_seed(0)
    return [torch.randn(2, 3, length, width, generator=generator).to(dtype) for length in (16, 12, 12)]


def _moved(tensors: list[Tensor]) -> list[Tensor]:
    return [tensor.to("shadow").requires_grad_() for tensor in tensors]


def _additive(dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(16, 12, generator=torch.Generator("cpu").manual_seed(5)).to(dtype)


CASES = {
    "plain": {},
    "additive mask": {"attn_mask": _additive()},
    "boolean mask": {"attn_mask": _additive() > -1},
    "causal": {"is_causal": True},
    "scale": {"scale": 0.7},
}


@pytest.mark.parametrize("case", CASES)
def test_results_and_gradients_are_those_of_the_plain_form(shadow, case):
    options = CASES[case]
    plain = [tensor.requires_grad_() for tensor in _inputs()]
    with sdpa_kernel(SDPBackend.MATH):
        expected = scaled_dot_product_attention(*plain, **options)
    expected.square().sum().backward()
    moved = _moved(_inputs())
    there = {name: value.to("shadow") if isinstance(value, Tensor) else value for name, value in options.items()}
    out = scaled_dot_product_attention(*moved, **there)
    assert "FusedAttentionOverrideable" in type(out.grad_fn).__name__
    out.square().sum().backward()
    torch.testing.assert_close(out.cpu(), expected, atol=1e-5, rtol=1e-4)
    for one, other in zip(plain, moved, strict=True):
        torch.testing.assert_close(other.grad.cpu(), one.grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(shadow, dtype):
    expected = scaled_dot_product_attention(*_inputs())
    moved = _moved(_inputs(dtype=dtype))
    out = scaled_dot_product_attention(*moved)
    out.sum().backward()
    assert (out.dtype, moved[0].grad.dtype) == (dtype, dtype)
    torch.testing.assert_close(out.float().cpu(), expected, atol=0.02, rtol=0.02)


def _kept(query: Tensor, key: Tensor, value: Tensor, shadow, **options) -> int:
    """Bytes that stay, beside the inputs, until the backward pass."""
    before = shadow.ledger.held
    out = scaled_dot_product_attention(query, key, value, **options)
    kept = shadow.ledger.held - before
    out.sum().backward()
    return kept


def test_no_matrix_of_scores_is_kept(shadow):
    query = torch.zeros(1, 8, 1024, 64, device="shadow", dtype=torch.float16, requires_grad=True)
    output, row_sums, scores = query.nbytes, 8 * 1024 * 4, 8 * 1024 * 1024 * 2
    assert _kept(query, query, query, shadow) == output + row_sums
    with sdpa_kernel(SDPBackend.MATH):
        assert _kept(query, query, query, shadow) > scores


def test_what_cuda_does_not_fuse(shadow):
    def fused(*tensors: Tensor, **options: object) -> bool:
        out = scaled_dot_product_attention(*(each.to("shadow").requires_grad_() for each in tensors), **options)
        return "FusedAttentionOverrideable" in type(out.grad_fn).__name__

    assert fused(*_inputs())
    assert fused(*_inputs(width=512))
    assert not fused(*_inputs(width=6))
    assert fused(*_inputs(width=6, dtype=torch.float16)), "flash attention pads"
    assert not fused(*_inputs(dtype=torch.float64))
    assert not fused(*(each[0] for each in _inputs()))
    mask = _additive().to("shadow").requires_grad_()
    assert not fused(*_inputs(), attn_mask=mask)
    with sdpa_kernel(SDPBackend.MATH):
        assert not fused(*_inputs())


def test_the_result_lies_as_that_of_a_fused_kernel(shadow):
    """[B, L, heads, E] in memory, where the inputs do: joining the heads afterwards copies nothing."""
    query = torch.zeros(2, 16, 3, 8, device="shadow").transpose(1, 2)
    out = scaled_dot_product_attention(query, query, query)
    held = shadow.ledger.held
    joined = out.transpose(1, 2).reshape(2, 16, 24)
    assert shadow.ledger.held == held
    assert joined.shape == (2, 16, 24)
