"""Fused attention of the shadow device: as CUDA's kernels, it keeps no matrix of scores for the backward pass."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .memory import Memory, is_shadow

_FLASH_WIDTH = 256
_forward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


class Attention:
    """Kernels of ``scaled_dot_product_attention`` and of the two fused operations that torch leaves to other devices.

    What is fused and what is not follows ``sdp_utils.cpp`` of torch: flash attention for 16-bit types without a mask, up to 256 channels a head;
    the memory-efficient kernel also with a mask, in float32 and for wide heads.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def choose(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        *,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        """Kernel of ``scaled_dot_product_attention``: [B, heads, L, E], [B, heads, S, E], [B, heads, S, E] to [B, heads, L, E]."""
        tensors = [query, key, value, *([] if attn_mask is None else [attn_mask])]
        if not all(is_shadow(each) for each in tensors):
            places = ", ".join(str(each.device) for each in tensors)
            raise RuntimeError(f"Expected all tensors of attention to be on the same device, but they are on {places}")
        if attn_mask is not None and attn_mask.dtype == torch.bool:
            attn_mask = torch.zeros_like(attn_mask, dtype=query.dtype).masked_fill_(attn_mask.logical_not(), -math.inf)
        if not fused(query, key, value, attn_mask, dropout_p=dropout_p) or enable_gqa:
            math_only = torch.ops.aten._scaled_dot_product_attention_math
            return math_only(
                query, key, value, attn_mask, dropout_p, is_causal, None, scale=scale, enable_gqa=enable_gqa
            )[0]
        both = torch.ops.aten._scaled_dot_product_fused_attention_overrideable
        return both(query, key, value, attn_mask, dropout_p, is_causal, False, scale=scale)[0]

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_bias: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        return_debug_mask: bool = False,
        *,
        scale: float | None = None,
    ) -> tuple[Any, ...]:
        """Kernel of ``_scaled_dot_product_fused_attention_overrideable``: the output, the logarithm of each row's sum (float32), nothing else."""
        low = [self._memory.plain(each, {}) for each in (query, key, value)]
        mask = None if attn_bias is None else self._memory.plain(attn_bias, {})
        out, rows = _forward(*low, dropout_p, is_causal, attn_mask=mask, scale=scale)
        none = query.new_empty(0, dtype=torch.int64)
        wrapped = (self._memory.wrapped(each, {}) for each in (out, rows))
        return (*wrapped, none, none, query.shape[-2], key.shape[-2], none, none, none)

    def backward(
        self,
        grad_out: Tensor,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_bias: Tensor | None,
        grad_input_mask: list[bool],
        out: Tensor,
        logsumexp: Tensor,
        cum_seq_q: Tensor,
        cum_seq_k: Tensor,
        max_q: int,
        max_k: int,
        dropout_p: float,
        is_causal: bool,
        philox_seed: Tensor,
        philox_offset: Tensor,
        *,
        scale: float | None = None,
    ) -> tuple[Tensor | None, ...]:
        """Kernel of its backward: the gradients of query, key and value; none of a mask (``fused`` sees to that).

        CUDA's kernel sums the query's gradient up in float32, whatever its type: that memory is taken here too.
        """
        sums = query.new_empty(query.shape, dtype=torch.float32) if query.dtype != torch.float32 else None
        tensors = (grad_out, query, key, value, out, logsumexp)
        low = [self._memory.plain(each, {}) for each in tensors]
        mask = None if attn_bias is None else self._memory.plain(attn_bias, {})
        gradients = _backward(*low, dropout_p, is_causal, attn_mask=mask, scale=scale)
        del sums
        wrapped = (self._memory.wrapped(each, {}) for each in gradients)
        return (*(each if wanted else None for each, wanted in zip(wrapped, grad_input_mask[:3], strict=True)), None)


def fused(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, *, dropout_p: float) -> bool:
    """Tell whether CUDA has a fused kernel for these, and the person has not switched it off."""
    widths = {each.shape[-1] for each in (query, key, value)}
    if query.dim() != 4 or len(widths) != 1 or dropout_p or (mask is not None and mask.requires_grad):
        return False
    flash = mask is None and query.dtype in (torch.float16, torch.bfloat16) and widths <= set(range(_FLASH_WIDTH + 1))
    if flash and torch.backends.cuda.flash_sdp_enabled():
        return True
    aligned = query.shape[-1] % (4 if query.dtype == torch.float32 else 8) == 0
    return aligned and query.dtype != torch.float64 and torch.backends.cuda.mem_efficient_sdp_enabled()
